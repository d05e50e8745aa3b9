import { graphemes } from './graphemes.js'
import { messageHtml } from './markdown.js'
import { unescapeHtml } from './words.js'

/**
 * A message in plain words, on one line: what its HTML shows, without marks, and a space where a line, an item or a block ends. static/app/words.ts
 * makes the same of a message in the page.
 */
export function messageWords(text: string): string {
  const words = messageHtml(text)
    .replace(/<li value="(\d+)">/g, '$1. ')
    .replace(/<br>|<\/(?:p|li|pre|blockquote)>/g, ' ')
    .replace(/<[^>]*>/g, '')
  return unescapeHtml(words).replace(/\s+/g, ' ').trim()
}

/** Its first 120 graphemes, with an ellipsis if there are more. */
export function preview(text: string): string {
  const words = messageWords(text)
  if (words.length <= PREVIEW) {
    return words
  }
  // Each letter of ASCII before another is a grapheme. To look for what belongs to a letter took half of a list of chats.
  if (IN_ASCII.test(words)) {
    return `${words.slice(0, PREVIEW)}…`
  }
  let shown = 0
  for (const { index } of graphemes.segment(words)) {
    if (shown === PREVIEW) {
      return `${words.slice(0, index)}…`
    }
    shown++
  }
  return words
}

const PREVIEW = 120
const IN_ASCII = new RegExp(`^[\\x20-\\x7e]{${PREVIEW + 1}}`)
