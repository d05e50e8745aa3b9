import { LIMITS } from '../config.js'
import { characterBefore, isUnspaced } from './characters.js'
import { foldUsername, normaliseDisplayName } from './names.js'

/** The ids of users by their folded names. */
export type Mentions = Readonly<Record<string, number>>

/** What may be a name behind an @: it ends at `end` in the text, and `name` is its folded form. */
interface Candidate {
  end: number
  name: string
}

/** How many places in what may be a name are tried as its end because a script without spaces goes on there. */
const CUTS = 16

/**
 * The possible names behind the @s of a text, for each @ the longest first: up to three words, with and without the punctuation at their
 * end, what an apostrophe joins to them, and what follows without a space in scripts that have none: @bobさん. `left` says how many more @s
 * are looked at; the texts of a message share it.
 */
export function* namesIn(text: string, left: { ats: number }): Generator<{ at: number; candidates: Candidate[] }> {
  for (const { index: at } of text.matchAll(/[@＠](?=[^\s@＠])/g)) {
    if (isInAddress(characterBefore(text, at))) {
      continue
    }
    if (left.ats-- <= 0) {
      return
    }
    yield { at, candidates: candidatesAt(text, at + 1) }
  }
}

/** Whether an @ behind it is that of an address, or one of several. In scripts without spaces a word may stand right before a mention. */
function isInAddress(before: string): boolean {
  return /^[\p{L}\p{M}\p{N}_@＠+-]$/u.test(before) && (before === '＠' || !isUnspaced(before))
}

function candidatesAt(text: string, start: number): Candidate[] {
  // A code point is two UTF-16 units at most. One unit more, so that the beginning of a longer name is not taken for a name.
  const [words = ''] = /^\S+(?: \S+){0,2}/.exec(text.slice(start, start + 2 * LIMITS.nameCodePoints + 1)) ?? []
  const found = new Set<string>()
  for (let end = words.length; end > 0; end = words.lastIndexOf(' ', end - 1)) {
    const whole = words.slice(0, end)
    const [named = ''] = /^(?:[^ ]* )*[\p{L}\p{M}\p{N}@.+_'’-]*/u.exec(whole) ?? []
    for (const name of [whole, trimmed(whole), named, trimmed(named), named.replace(/['’][^'’ ]*$/, '')]) {
      found.add(name.trimEnd())
    }
  }
  for (const end of cutsIn(words)) {
    found.add(words.slice(0, end))
  }
  return [...found]
    .filter(name => name !== '' && [...name].length <= LIMITS.nameCodePoints)
    .sort((a, b) => b.length - a.length)
    .map(name => ({ end: start + name.length, name: foldUsername(normaliseDisplayName(name)) }))
}

/** Where a letter of a script without spaces follows another letter, or another letter follows it. */
function cutsIn(words: string): number[] {
  const cuts: number[] = []
  let at = 0
  let before = ''
  for (const character of words) {
    if (at > 0 && /[\p{L}\p{N}]/u.test(character) && (isUnspaced(character) || isUnspaced(before))) {
      cuts.push(at)
      if (cuts.length === CUTS) {
        break
      }
    }
    at += character.length
    before = character
  }
  return cuts
}

/** Without a pattern for the end, which would be tried at each of a hundred dots. */
function trimmed(name: string): string {
  let end = name.length
  while (/^\p{P}$/u.test(name[end - 1] ?? '')) {
    end--
  }
  return name.slice(0, end)
}
