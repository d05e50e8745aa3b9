/**
 * The size of a generation of the cache, in characters. The cache has two: when the recent one is full, the one before it is dropped.
 * It is worth it as a message is rendered for its author, for others, for programs and in lists.
 */
const GENERATION = 2 ** 22

let recent = new Map<string, string>()
let before = new Map<string, string>()
let size = 0

/** The HTML that is cached under the key. Renders and caches it if there is none. */
export function cachedHtml(key: string, render: () => string): string {
  const known = recent.get(key) ?? before.get(key)
  if (known !== undefined) {
    return known
  }
  const html = render()
  size += key.length + html.length
  if (size > GENERATION) {
    before = recent
    recent = new Map()
    size = key.length + html.length
  }
  recent.set(key, html)
  return html
}
