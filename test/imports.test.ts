import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))

/**
 * Which other folders the files of a folder may reach: server → app → routes → live → db. They reach what they import, types included,
 * and what the files of src itself import that they import.
 */
const REACHES: Readonly<Record<string, readonly string[]>> = {
  routes: ['live', 'db'],
  live: ['db'],
  db: [],
  'db/migrations': [],
  postgres: [],
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

  it('run one way: from the routes to the database', () => {
    for (const start of imports.keys()) {
      const folder = path.dirname(start)
      if (folder !== '.') {
        const allowed = REACHES[folder]
        assert.ok(allowed, `${folder} is a new folder: say what it may reach`)
        for (const way of waysOut(start, folder, [start])) {
          assert.ok(allowed.includes(path.dirname(way.at(-1) ?? '')), way.join(' → '))
        }
      }
    }
  })

  /** How the file reaches other folders than its own. */
  function waysOut(file: string, folder: string, way: readonly string[]): (readonly string[])[] {
    return (imports.get(file) ?? []).flatMap(next => {
      const there = path.dirname(next)
      if (there === folder) {
        return []
      }
      return there === '.' ? waysOut(next, folder, [...way, next]) : [[...way, next]]
    })
  }
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
