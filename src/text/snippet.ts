import { LIMITS } from '../config.js'
import { graphemes } from './graphemes.js'
import { fold, pattern, type Query } from './search-query.js'

/** A piece of a message's text: a hit of the search, or the text between hits. */
export interface Piece {
  text: string
  hit: boolean
}

/** How long a snippet is, and how much of it comes before the first hit, in graphemes. */
const LENGTH = 160
const LEAD = 40

/** How much of the folded text is searched, in UTF-16 units, as one character can be folded to eighteen. Later hits are not pointed out. */
const LOOKED_AT = 2 * LIMITS.messageCodePoints

/** The message around its first hit, in pieces. An ellipsis replaces what is cut off. */
export function snippet(text: string, { wanted }: Query): Piece[] {
  const characters = Array.from(graphemes.segment(text), ({ segment }) => segment)
  const hits = hitsIn(characters, wanted)
  const first = hits.next().value
  const [start, end] = windowOn(characters, first?.[0] ?? 0)
  const pieces: Piece[] = []
  const add = (from: number, to: number, hit: boolean) => {
    const piece = characters.slice(Math.max(from, start), Math.min(to, end)).join('')
    if (piece !== '') {
      pieces.push({ text: piece, hit })
    }
  }
  let at = start
  for (let hit = first; hit && hit[0] < end; hit = hits.next().value) {
    const [from, to] = hit
    add(at, from, false)
    add(from, to, true)
    at = Math.max(at, to)
  }
  add(at, end, false)
  return [
    ...(start > 0 ? [{ text: '…', hit: false }] : []),
    ...pieces,
    ...(end < characters.length ? [{ text: '…', hit: false }] : []),
  ]
}

/** The part of the text that is shown. It begins with a word, if a word begins before the hit. */
function windowOn(characters: readonly string[], hit: number): [start: number, end: number] {
  if (characters.length <= LENGTH || hit + LENGTH - LEAD <= LENGTH) {
    return [0, Math.min(characters.length, LENGTH)]
  }
  const earliest = Math.min(hit - LEAD, characters.length - LENGTH)
  const space = characters.slice(earliest - 1, hit).findIndex(character => /\s/.test(character))
  const start = space < 0 ? earliest : earliest + space
  return [start, Math.min(characters.length, start + LENGTH)]
}

/** Where the hits begin and end, in characters of the text. Folding changes lengths, so each folded unit is kept with its character. */
function* hitsIn(
  characters: readonly string[],
  wanted: Query['wanted'],
): Generator<[from: number, to: number], undefined> {
  if (wanted.length === 0) {
    return undefined
  }
  const origins: number[] = []
  let folded = ''
  for (const [n, character] of characters.entries()) {
    const piece = fold(character)
    if (folded.length + piece.length > LOOKED_AT) {
      break
    }
    folded += piece
    for (let unit = 0; unit < piece.length; unit++) {
      origins.push(n)
    }
  }
  origins.push((origins.at(-1) ?? -1) + 1)
  for (const { 0: found, index } of folded.matchAll(pattern(wanted))) {
    const last = origins[index + found.length - 1] ?? 0
    const next = origins[index + found.length] ?? 0
    // Includes the accents behind it, unless the hit ends within the folded form of a character.
    yield [origins[index] ?? 0, Math.max(last + 1, next)]
  }
  return undefined
}
