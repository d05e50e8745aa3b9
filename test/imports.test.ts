import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SRC = path.join(ROOT, 'src')

/** The rooms of src in the direction of its imports: a file imports from its own room and from those behind it, types included. */
const DIRECTION = ['process', 'app', 'routes', 'http', 'live', 'db', 'db/migrations', 'postgres', 'text', 'ground']

/** The room that a file is in. Of the files that stand in src itself, app.ts is a room of its own, and the others are the ground. */
function roomOf(file: string): string {
  const folder = path.posix.dirname(file)
  return folder !== '.' ? folder : file === 'app.ts' ? 'app' : 'ground'
}

describe('imports', () => {
  const imports = importsOf(SRC)

  it('are found: of types, of what is exported again, and over several lines', () => {
    const text = `import type { A } from './a.js'\nexport {\n  b,\n} from '../b.js'\nimport './c/c.js'\ntype D = import('./d.js').D\nimport e from 'e'`
    assert.deepEqual(importsIn(text, 'in/here.ts'), ['in/a.ts', 'b.ts', 'in/c/c.ts', 'in/d.ts'])
    assert.ok(imports.get('app.ts')?.includes('routes/index.ts'))
    for (const file of [...imports.values()].flat()) {
      assert.ok(imports.has(file), file)
    }
  })

  it('form no circle', () => {
    const done = new Set<string>()
    const follow = (file: string, way: readonly string[]) => {
      assert.ok(!way.includes(file), [...way.slice(way.indexOf(file)), file].join(' → '))
      if (!done.has(file)) {
        for (const next of imports.get(file) ?? []) {
          follow(next, [...way, file])
        }
        done.add(file)
      }
    }
    for (const file of imports.keys()) {
      follow(file, [])
    }
  })

  it('run one way: from the process to the ground', () => {
    for (const [file, targets] of imports) {
      const at = DIRECTION.indexOf(roomOf(file))
      assert.ok(at >= 0, `${file} is in a new room: say in DIRECTION where it stands`)
      for (const target of targets) {
        assert.ok(DIRECTION.indexOf(roomOf(target)) >= at, `${file} → ${target}`)
      }
    }
  })
})

describe('a file in src', () => {
  it('exports nothing that no other file imports', () => {
    const imported = new Set(['src', 'test', 'bench', 'bin', 'static/app'].flatMap(namesImportedIn))
    const exported = ['src', 'static/app'].flatMap(namesExportedIn)
    assert.ok(exported.includes('src/db/messages.ts postMessages'))
    const forNobody = exported.filter(name => !imported.has(name) && !name.startsWith('src/db/migrations/'))
    assert.deepEqual(forNobody, [])
  })

  it('has 300 lines at most, migrations aside', () => {
    for (const file of importsOf(SRC).keys()) {
      const lines = readFileSync(path.join(SRC, file), 'utf8').split('\n').length - 1
      assert.ok(lines <= 300 || file.startsWith('db/migrations/'), `${file} has ${lines} lines`)
    }
  })
})

/** What each of our files imports of the others, by their paths. */
function importsOf(folder: string): Map<string, readonly string[]> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
  return new Map(files.map(file => [file, importsIn(readFileSync(path.join(folder, file), 'utf8'), file)]))
}

function importsIn(text: string, file: string): string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)\.js'/g)].map(([, to = '']) =>
    path.posix.join(path.posix.dirname(file), `${to}.ts`),
  )
}

function filesOf(folder: string): string[] {
  const names = readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names.filter(name => /\.(ts|js)$/.test(name)).map(name => path.posix.join(folder, name))
}

/** Each as its file and its name. */
function namesExportedIn(folder: string): string[] {
  return filesOf(folder).flatMap(file => {
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    const names = text.matchAll(/^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)/gm)
    return [...names].map(([, name]) => `${file} ${name}`)
  })
}

/** The same of what is imported, also where a script of bin/ imports a compiled file. */
function namesImportedIn(folder: string): string[] {
  return filesOf(folder).flatMap(file => {
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    const lists = [
      ...text.matchAll(/\{([^{}]*)\} from '(\.[^']+)\.[jt]s'/g),
      ...text.matchAll(/\{([^{}]*)\} = await import\((?:new URL\()?'(\.[^']+)\.js'/g),
    ]
    return lists.flatMap(([, names = '', from = '']) => {
      const source = path.posix.join(path.posix.dirname(file), from).replace(/^dist\//, '')
      return names.split(',').map(name => `${source}.ts ${name.replace(/^\s*(type )?|\s+as .*|\s+$/g, '')}`)
    })
  })
}
