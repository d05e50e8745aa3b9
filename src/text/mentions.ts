import { LIMITS } from '../config.js'
import { foldUsername, normaliseDisplayName } from './names.js'

/** The ids of users by their folded names. */
export type Mentions = Readonly<Record<string, number>>

/** What may be a name behind an @: it ends at `end` in the text, and `name` is its folded form. */
interface Candidate {
  end: number
  name: string
}

/** An @ within an address, or behind another @, mentions no one. */
const AT = /(?<![\p{L}\p{M}\p{N}_@+-])@(?=[^\s@])/gu

/**
 * The possible names behind the @s of a text, for each @ the longest first: up to three words, with and without the punctuation at their
 * end and what an apostrophe joins to them. `left` says how many more @s are looked at; the texts of a message share it.
 */
export function* namesIn(text: string, left: { ats: number }): Generator<{ at: number; candidates: Candidate[] }> {
  for (const { index: at } of text.matchAll(AT)) {
    if (left.ats-- <= 0) {
      return
    }
    yield { at, candidates: candidatesAt(text, at + 1) }
  }
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
  return [...found]
    .filter(name => name !== '' && [...name].length <= LIMITS.nameCodePoints)
    .sort((a, b) => b.length - a.length)
    .map(name => ({ end: start + name.length, name: foldUsername(normaliseDisplayName(name)) }))
}

/** Without a pattern for the end, which would be tried at each of a hundred dots. */
function trimmed(name: string): string {
  let end = name.length
  while (/^\p{P}$/u.test(name[end - 1] ?? '')) {
    end--
  }
  return name.slice(0, end)
}
