import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
type Ranges = [number, number][]
const { CLASSES, symbols, inSql, sourceOfClasses } = (await import(at('bin/unicode.js'))) as {
  CLASSES: Record<'SPACELESS' | 'SIGNS' | 'ACCENTS' | 'PICTURES', Ranges>
  symbols(): Ranges
  inSql(ranges: Ranges): string
  sourceOfClasses(): string
}

describe('the classes of characters', () => {
  it('in the source are those that the script writes', () => {
    assert.equal(readFileSync(at('src/text/character-classes.ts'), 'utf8'), sourceOfClasses())
  })

  it('in the SQL functions are the same', () => {
    const { SPACELESS, SIGNS, ACCENTS, PICTURES } = CLASSES
    assert.deepEqual(classesIn('search_fold'), [inSql(ACCENTS)])
    const unit = [inSql(SPACELESS), inSql(SIGNS)]
    assert.deepEqual(classesIn('search_query'), unit)
    assert.deepEqual(classesIn('search_split'), [inSql(PICTURES), inSql(PICTURES)])
    for (const [name, ascii] of [
      ['search_text', ['!-/:-@[-`{-~']],
      ['search_words', ['\\u0001-\\u001f!-/:-`{-\\u007f', '\\u0001-/:-`{-\\u007f']],
    ] as const) {
      const [written = '', ...others] = classesIn(name)
      assert.deepEqual(others, [...unit, ...unit, ...ascii])
      // A later Unicode has assigned more.
      if (process.versions.unicode === '17.0') {
        assert.equal(written, inSql(symbols()))
      }
    }
  })
})

/** The classes of a function's regular expressions, each without the line ends within it. */
function classesIn(name: string): string[] {
  const text = readFileSync(at(`src/db/functions/${name}.sql`), 'utf8').replace(/'\s*\n\s*'/g, '')
  return [...text.matchAll(/\[((?:\\[uU][0-9a-f]+-?|!-\/:-@\[-`\{-~|!?-?\/:-`\{-)+)\]/g)].map(([, found = '']) => found)
}
