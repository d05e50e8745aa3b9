import { ACCENTS, SIGNS, SPACELESS } from './character-classes.js'

/** A search, made of what was typed. */
export interface Query {
  /** For search_query (src/db/functions), which folds it: words and "phrases", `-` before what must not be there, `or` between. */
  websearch: string
  /**
   * What to point out in a message that was found: folded phrases, each of whole words or of runs of a script without spaces. At most
   * POINTED_OUT, as each is tried at every position of the text.
   */
  wanted: string[][]
}

const UNIT = `[${SPACELESS}][${SIGNS}]*`
const LETTER = `(?![${SPACELESS}])[\\p{L}\\p{N}\\p{M}]`

const units = new RegExp(UNIT, 'gu')
const runs = new RegExp(`(?:${UNIT})+|(?:${LETTER})+`, 'gu')
const accents = new RegExp(`[${ACCENTS}]`, 'gu')
const isSpaceless = (run: string) => new RegExp(`^[${SPACELESS}]`, 'u').test(run)

const POINTED_OUT = 16

/** In characters. Of a longer phrase the beginning is pointed out. */
const POINTED_OUT_LENGTH = 64

/** Reads what was typed as websearch_to_tsquery does. Undefined if it has nothing that can be found, such as "?!". */
export function parseQuery(typed: string): Query | undefined {
  const terms: string[] = []
  const wanted = new Map<string, string[]>()
  let either = false
  const add = (words: readonly string[], sign: string) => {
    terms.push(...(either ? ['or'] : []), `${sign}"${words.flatMap(asFound).join(' ')}"`)
    either = false
    if (sign === '') {
      const folded = words.map(fold)
      wanted.set(folded.join(' '), folded)
    }
  }
  for (const [, minus = '', quoted, bare = ''] of typed.matchAll(/(-?)"([^"]*)"?|(\S+)/gu)) {
    if (/^or$/i.test(bare) && terms.length > 0 && !either) {
      either = true
      continue
    }
    const words = (quoted ?? bare).normalize('NFKC').replace(accents, '').match(runs)
    if (words) {
      add(words, bare.startsWith('-') ? '-' : minus)
    }
  }
  if (either) {
    // Nothing follows the "or", so it is a word like any other.
    either = false
    add(['or'], '')
  }
  return terms.length > 0
    ? { websearch: terms.join(' '), wanted: [...wanted.values()].slice(0, POINTED_OUT) }
    : undefined
}

/**
 * A word as search_text writes it: a run of a script without spaces becomes its pairs. At the beginning and the end of a phrase the run
 * may go on in the message. Where another word is beside it, it may not: there its first or last character is a word as well.
 */
function asFound(run: string, index: number, phrase: readonly string[]): string[] {
  if (!isSpaceless(run)) {
    return [run]
  }
  const each = run.match(units) ?? []
  const [first = ''] = each
  const last = each.at(-1) ?? ''
  const found = [
    ...(index > 0 ? [first] : []),
    ...each.slice(1).map((unit, n) => `${each[n]}${unit}`),
    ...(index < phrase.length - 1 ? [last] : []),
  ]
  return found.length > 0 ? found : [first]
}

/** Folds a single character as search_fold does. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(accents, '')
    .toLowerCase()
    .replace(/[ςıøłđħŧßæœ]/g, letter => ALIKE[letter] ?? letter)
    .normalize('NFKC')
}

const ALIKE: Record<string, string> = {
  ς: 'σ',
  ı: 'i',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
}

/** A pattern that finds the phrases in folded text: as whole words, and in scripts without spaces anywhere. */
export function pattern(wanted: readonly (readonly string[])[]): RegExp {
  // The longest first, as the first that matches is taken.
  const phrases = wanted.map(phrase => phrase.join(' ')).sort((a, b) => b.length - a.length)
  const firsts = phrases.map(phrase => [...phrase][0]).join('')
  // The first characters are tried first: to look behind takes longer, and is rarely needed then.
  return new RegExp(`(?=[${firsts}])(?:${phrases.map(phrasePattern).join('|')})`, 'gu')
}

function phrasePattern(phrase: string): string {
  const characters = [...phrase]
  const words = characters.slice(0, POINTED_OUT_LENGTH).join('').split(' ')
  const edge = (run: string, look: string) => (isSpaceless(run) ? '' : `(?${look}${LETTER})`)
  const isWhole = characters.length <= POINTED_OUT_LENGTH
  return (
    edge(words[0] ?? '', '<!') + words.join('[^\\p{L}\\p{N}\\p{M}]*') + (isWhole ? edge(words.at(-1) ?? '', '!') : '')
  )
}
