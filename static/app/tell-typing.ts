import type { ComposerForm } from './composer.ts'

/** The shortest time between two signs that the reader is typing, in milliseconds. */
const PAUSE = 3000

/** Tells the server that the reader is typing, who has just begun: once in 3 s at most, and again after what they sent. */
export function tellTyping(path: string, composer: ComposerForm, cursor: () => string) {
  const { message, csrf } = composer.elements
  let toldAt = Number.NEGATIVE_INFINITY
  function tell() {
    if (message.value.trim() === '' || performance.now() - toldAt < PAUSE) {
      return
    }
    toldAt = performance.now()
    fetch(`${path}/typing`, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'X-CSRF-Token': csrf.value },
      body: JSON.stringify({ after: cursor() || undefined }),
    }).catch(() => {})
  }
  message.addEventListener('input', ({ isTrusted }) => isTrusted && tell())
  composer.addEventListener('submit', () => {
    toldAt = Number.NEGATIVE_INFINITY
  })
  tell()
}
