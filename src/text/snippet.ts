import { LIMITS } from '../config.js'
import { fold, pattern, type Query } from './search-query.js'

/** A stretch of text that is what was looked for, or is not. */
export interface Piece {
  text: string
  hit: boolean
}

/** In characters. */
const LENGTH = 160
const LEAD = 40

/** Of the folded text, in UTF-16: one character can be folded to eighteen, and what is behind so many is not pointed out. */
const LOOKED_AT = 2 * LIMITS.messageCodePoints

/** The message around the first hit, in pieces. What is cut off is replaced by an ellipsis. */
export function snippet(text: string, { wanted }: Query): Piece[] {
  const characters = [...text]
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

/** From where to where the text is shown: from a word's beginning, where there is one. */
function windowOn(characters: readonly string[], hit: number): [start: number, end: number] {
  if (characters.length <= LENGTH || hit + LENGTH - LEAD <= LENGTH) {
    return [0, Math.min(characters.length, LENGTH)]
  }
  const earliest = Math.min(hit - LEAD, characters.length - LENGTH)
  const space = characters.slice(earliest - 1, hit).findIndex(character => /\s/.test(character))
  const start = space < 0 ? earliest : earliest + space
  return [start, Math.min(characters.length, start + LENGTH)]
}

/** Where the hits begin and end, in characters: folding makes text longer and shorter, so each piece of it remembers its character. */
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
    // With the accents that follow, unless the hit ends in the middle of what a character was folded to.
    yield [origins[index] ?? 0, Math.max(last + 1, next)]
  }
  return undefined
}
