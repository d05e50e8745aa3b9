import { LIMITS } from '../config.js'
import { foldUsername, normaliseDisplayName } from './names.js'

/** Folded names, each with its user's id. */
export type Mentions = Readonly<Record<string, number>>

/** What may be a name after an @: as it stands in the text, up to `end`, and folded. */
interface Candidate {
  end: number
  name: string
}

/** Not in an address, and not behind another @. */
const AT = /(?<![\p{L}\p{M}\p{N}_@+-])@(?=[^\s@])/gu

/**
 * What stands behind the first @s of a text, for each the longest first: up to three words, with and without the punctuation at
 * their end, and what an apostrophe joins to them. `left` is how many more are looked at, in this text and those that follow it.
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
  // A character takes two places at most; one more, so that a name is not taken for its beginning.
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

/** From the end, as a pattern would try at each of a hundred dots. */
function trimmed(name: string): string {
  let end = name.length
  while (/^\p{P}$/u.test(name[end - 1] ?? '')) {
    end--
  }
  return name.slice(0, end)
}
