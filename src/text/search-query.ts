import { ACCENTS, PICTURES, SIGNS, SPACELESS } from './character-classes.js'

/** A search, made of what was typed. */
export interface Query {
  /**
   * For search_query (src/db/functions), which folds it: words and "phrases", `-` before what must not be there, `or` between, and a star at
   * the end if the last word is also looked for as a beginning.
   */
  websearch: string
  /**
   * What to point out in a message that was found: folded phrases, each of whole words or of runs of a script without spaces. A word
   * with a star is a beginning. At most POINTED_OUT, as each is tried at every position of the text.
   */
  wanted: string[][]
}

const UNIT = `[${SPACELESS}][${SIGNS}]*`
const PICTURE = `[${PICTURES}]`
const DIGIT = '[0-9]'
const LETTER = `(?![${SPACELESS}0-9])[\\p{L}\\p{N}\\p{M}]`

const units = new RegExp(UNIT, 'gu')
/** What stands together in scripts with spaces: v2 is one run, and two words. */
const runs = new RegExp(`(?:${UNIT})+|${PICTURE}|(?:${DIGIT}|${LETTER})+`, 'gu')
const words = new RegExp(`(?:${UNIT})+|${PICTURE}|${DIGIT}+|(?:${LETTER})+`, 'gu')
const beginning = new RegExp(`^(?:${LETTER}){3,}$`, 'u')
const accents = new RegExp(`[${ACCENTS}]`, 'gu')
const isSpaceless = (run: string) => new RegExp(`^[${SPACELESS}]`, 'u').test(run)
const isPicture = (run: string) => new RegExp(`^${PICTURE}`, 'u').test(run)
const isNumber = (run: string) => /^[0-9]/.test(run)

const POINTED_OUT = 16

/** In characters. Of a longer phrase the beginning is pointed out. */
const POINTED_OUT_LENGTH = 64

/**
 * Reads what was typed as websearch_to_tsquery does. The last word, if it has three letters and no quotes, is also a beginning. Undefined
 * if it has nothing that can be found, such as "?!".
 */
export function parseQuery(typed: string): Query | undefined {
  const terms: string[] = []
  const wanted: string[][] = []
  let either = false
  let open = false
  const add = (found: readonly string[], sign: string, isBare: boolean) => {
    terms.push(...(either ? ['or'] : []), `${sign}"${found.flatMap(asFound).join(' ')}"`)
    either = false
    open = false
    if (sign === '') {
      const folded = found.flatMap(run => fold(run).match(words) ?? [])
      wanted.push(folded)
      open = isBare && beginning.test(folded.at(-1) ?? '')
    }
  }
  for (const [, minus = '', quoted, bare = ''] of typed.matchAll(/(-?)"([^"]*)"?|(\S+)/gu)) {
    if (/^or$/i.test(bare) && terms.length > 0 && !either) {
      either = true
      continue
    }
    const found = (quoted ?? bare).normalize('NFKC').replace(accents, '').match(runs)
    if (found) {
      add(found, bare.startsWith('-') ? '-' : minus, quoted === undefined)
    }
  }
  if (either) {
    // Nothing follows the "or", so it is a word like any other.
    either = false
    add(['or'], '', true)
  }
  if (open) {
    wanted.push([...(wanted.pop() ?? [])].map((word, n, { length }) => (n === length - 1 ? `${word}*` : word)))
  }
  const phrases = new Map(wanted.map(phrase => [phrase.join(' '), phrase]))
  return terms.length > 0
    ? { websearch: `${terms.join(' ')}${open ? '*' : ''}`, wanted: [...phrases.values()].slice(0, POINTED_OUT) }
    : undefined
}

/**
 * A word as search_words writes it: a run of a script without spaces becomes its pairs. At the beginning and the end of a phrase the run
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
  const parts = characters.slice(0, POINTED_OUT_LENGTH).join('').split(' ')
  const last = parts.at(-1) ?? ''
  const isBeginning = last.endsWith('*')
  const end = isBeginning ? `(?:${LETTER})*` : characters.length <= POINTED_OUT_LENGTH ? edge(last, '!') : ''
  return (
    edge(parts[0] ?? '', '<!') + (isBeginning ? [...parts.slice(0, -1), last.slice(0, -1)] : parts).join(BETWEEN) + end
  )
}

/** That a word does not go on there. Digits end where letters begin. */
function edge(word: string, look: '!' | '<!'): string {
  return isSpaceless(word) || isPicture(word) ? '' : `(?${look}${isNumber(word) ? DIGIT : LETTER})`
}

const BETWEEN = `[^\\p{L}\\p{N}\\p{M}${PICTURES}]*`
