import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))

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
  it('exports nothing that no other file names', () => {
    const texts = ['src', 'test', 'bench', 'bin', 'static/app'].flatMap(folder =>
      readdirSync(path.join(SRC, '..', folder), { recursive: true, encoding: 'utf8' })
        .filter(name => /\.(ts|js)$/.test(name))
        .map(name => ({
          name: path.join(folder, name),
          text: withoutComments(readFileSync(path.join(SRC, '..', folder, name), 'utf8')),
        })),
    )
    // Names within a longer one do not count, and neither does the file itself.
    const words = texts.map(({ name, text }) => ({ name, words: new Set(text.match(/\w+/g)) }))
    for (const { name, text } of texts.filter(({ name }) => /^(src|static)/.test(name) && !/migrations/.test(name))) {
      for (const [, exported = ''] of text.matchAll(
        /^export (?:async )?(?:const|function|class|interface|type) (\w+)/gm,
      )) {
        const isNamed = words.some(other => other.name !== name && other.words.has(exported))
        assert.ok(isNamed, `${name} exports ${exported} for nobody`)
      }
    }
  })

  it('has 300 lines at most, migrations aside', () => {
    for (const file of importsOf(SRC).keys()) {
      const lines = readFileSync(path.join(SRC, file), 'utf8').split('\n').length - 1
      assert.ok(lines <= 300 || file.startsWith('db/migrations/'), `${file} has ${lines} lines`)
    }
  })
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^ *\/\/.*$/gm, '')
}

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
