import { hashOf } from './hash.js'

/** Longer texts are not kept as keys: whoever sends a request writes some of them. */
const LONGEST = 300

/**
 * `make`, which keeps what it made of the keys that came last, `atMost` of them. What it makes must follow from the key alone. All of it is
 * forgotten when there are too many: that is cheaper than to know the oldest, and what is used comes back at once.
 */
export function remembering<Key extends string | number, Made, More extends unknown[]>(
  atMost: number,
  make: (key: Key, ...more: More) => Made,
): (key: Key, ...more: More) => Made {
  const known = new Map<Key, Made>()
  return (key, ...more) => {
    const before = known.get(key)
    if (before !== undefined) {
      return before
    }
    const made = make(key, ...more)
    if (typeof key === 'number' || key.length <= LONGEST) {
      if (known.size >= atMost) {
        known.clear()
      }
      known.set(key, made)
    }
    return made
  }
}

/** The text as a key that is remembered, however long it is. No two texts have the same one. */
export function asKey(text: string): string {
  return text.length <= LONGEST ? text : hashOf(text)
}
