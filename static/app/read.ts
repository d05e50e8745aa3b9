import type { ComposerForm } from './composer.ts'
import type { Scroll } from './scroll.ts'

/** How long after the end came into view the server is told, in milliseconds. */
const PAUSE = 2000

/**
 * Tells the server how far the reader has read, where the end of the list is before them: seldom, and at once when they go.
 * The returned function is to be called when something new has come.
 */
export function tellRead(
  path: string,
  log: HTMLElement,
  cursor: () => string,
  composer: ComposerForm | null,
  scroll: Scroll,
): () => void {
  const version = () => Number(cursor())
  let told = version()
  let wanted = false
  let timer: number | undefined

  async function tell(keepalive: boolean) {
    clearTimeout(timer)
    timer = undefined
    const before = told
    const reached = version()
    if (!wanted || reached <= told) {
      return
    }
    wanted = false
    told = reached
    const headers = {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'X-CSRF-Token': composer?.elements.csrf.value ?? '',
    }
    const body = JSON.stringify({ version: reached })
    try {
      const answer = await fetch(`${path}/read`, { method: 'PUT', keepalive, headers, body })
      if (answer.ok) {
        return
      }
    } catch {
      // No connection.
    }
    // Said again when there is more to say.
    told = before
  }
  function look() {
    if (document.visibilityState !== 'visible' || !scroll.atEnd || version() <= told) {
      return
    }
    wanted = true
    timer ??= setTimeout(() => void tell(false), PAUSE)
  }
  log.addEventListener('scroll', look, { passive: true })
  document.addEventListener('visibilitychange', () => void (document.hidden ? tell(true) : look()))
  addEventListener('pagehide', () => void tell(true))
  return look
}
