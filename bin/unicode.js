// node bin/unicode.js: writes src/text/character-classes.ts, and prints the classes of the search functions in src/db/functions as PostgreSQL
// writes them. search_fold, search_split and search_words stand beneath an index and are never replaced: what is printed is for functions with
// new names.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Characters of scripts that put no spaces between words, and of Korean, whose particles hang on them. */
const SPACELESS = `0e01-0e30 0e32 0e33 0e40-0e46 0e81-0eb0 0eb2 0eb3 0ebd 0ec0-0ec6 0edc-0edf 1000-102a 103f 1050-1055 1780-17b3 3005-3007
  3041-3096 309d-309f 30a1-30fa 30fc-30ff 3105-312f 31a0-31bf 31f0-31ff 3400-4dbf 4e00-9fff ac00-d7a3 f900-faff 20000-3ffff`

/** The vowel and tone signs that stand on them. */
const SIGNS = `0e31 0e34-0e3a 0e47-0e4e 0eb1 0eb4-0ebc 0ec8-0ecd 102b-103e 1056-1059 17b4-17d3 17dd 3099 309a`

/** What two words may differ in: accents, Hebrew points, Arabic vowel signs; not the vowels of Indic scripts, which are letters. */
const ACCENTS = `0300-036f 0591-05bd 05bf-05c7 0610-061a 0640 064b-065f 0670 1ab0-1aff 1dc0-1dff 200b-200f 20d0-20ff fe00-fe0f fe20-fe2f 00ad`

/** Pictures that people search for, each a word by itself: emoji without the tones of skin, and the signs beside them. Brackets and numbers are not. */
const PICTURES = `231a-231b 23e9-23fa 2600-2767 2794-27bf 2b50 2b55 1f004 1f0cf 1f18e 1f1e6-1f1ff 1f300-1f3fa 1f400-1faff`

/** A class is a list of ranges of code points. */
export const CLASSES = {
  SPACELESS: parse(SPACELESS),
  SIGNS: parse(SIGNS),
  ACCENTS: parse(ACCENTS),
  PICTURES: parse(PICTURES),
}

/**
 * Punctuation, signs and pictures beyond ASCII, which PostgreSQL takes for letters where the database's locale is C. What is not
 * assigned yet, and what search_fold has replaced by then, may be in a range with them, so that there are fewer ranges.
 */
export function symbols() {
  const accents = new Set(CLASSES.ACCENTS.flatMap(([first, last]) => range(first, last)))
  const ranges = []
  let open
  for (const code of [...range(0x80, 0xd7ff), ...range(0xf900, 0x1fbff)]) {
    const character = String.fromCodePoint(code)
    const isWord = /[\p{L}\p{N}\p{M}]/u.test(character)
    if (isWord && character.normalize('NFKC') === character) {
      open = undefined
    } else if (!isWord && !/\p{Cn}/u.test(character) && !(accents.has(code) && /\p{P}/u.test(character))) {
      if (open) {
        open[1] = code
      } else {
        open = [code, code]
        ranges.push(open)
      }
    }
  }
  return ranges
}

/** The class as a regular expression of JavaScript has it, with the flag u. */
export function inJavaScript(ranges) {
  return write(ranges, code => (code > 0xffff ? `\\u{${hex(code)}}` : `\\u${hex(code, 4)}`))
}

/** The class as a regular expression of PostgreSQL has it. */
export function inSql(ranges) {
  return write(ranges, code => (code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`))
}

/** What src/text/character-classes.ts is to be. */
export function sourceOfClasses() {
  const constants = Object.entries(CLASSES).map(
    ([name, ranges]) =>
      `// biome-ignore format: one line for each class\nexport const ${name} = String.raw\`${inJavaScript(ranges)}\`\n`,
  )
  return `// Written by bin/unicode.js, which says what these are. The search functions in src/db/functions have the same.\n\n${constants.join('\n')}`
}

function parse(text) {
  return text.split(/\s+/).map(part => {
    const [first, last = first] = part.split('-').map(code => Number.parseInt(code, 16))
    return [first, last]
  })
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function hex(code, digits = 0) {
  return code.toString(16).padStart(digits, '0')
}

function write(ranges, spell) {
  return ranges.map(([first, last]) => (first === last ? spell(first) : `${spell(first)}-${spell(last)}`)).join('')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../src/text/character-classes.ts', import.meta.url), sourceOfClasses())
  for (const [name, ranges] of Object.entries({ ...CLASSES, SYMBOLS: symbols() })) {
    console.log(`${name}\n${inSql(ranges)}\n`)
  }
}
