/**
 * How much is kept, in characters: a message is rendered for its author, for others, for programs and in lists. When twice as much has
 * been rendered, the older half goes.
 */
const GENERATION = 2 ** 22

let recent = new Map<string, string>()
let before = new Map<string, string>()
let size = 0

/** The HTML that is kept under the key; rendered and kept where there is none. */
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
