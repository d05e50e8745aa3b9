import { setTimeout as sleep } from 'node:timers/promises'

/** What a start needs where it may have to wait. */
export interface Starting {
  /** Receives sentences for the person at the terminal. */
  say(sentence: string): void
  /** Ends the start. Its reason is an OperatorError. */
  signal: AbortSignal
}

/** After how long a wait is told, and how often it is told again, in milliseconds. */
const SOON = 5_000
const LATER = 60_000

/**
 * Awaits a promise that may take long. Says the sentence after 5 s, and then every minute. Rejects at once when the start is ended; the
 * promise goes on unseen.
 */
export async function waiting<T>(promise: Promise<T>, sentence: () => string, { say, signal }: Starting): Promise<T> {
  let timer = setTimeout(tell, SOON)
  function tell() {
    say(sentence())
    timer = setTimeout(tell, LATER)
  }
  let end = () => {}
  const ended = new Promise<never>((_, reject) => {
    end = () => reject(signal.reason)
  })
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  try {
    return await Promise.race([promise, ended])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

/** Waits for so many milliseconds. Throws when the start is ended. */
export async function pause(time: number, signal: AbortSignal): Promise<void> {
  await sleep(time, undefined, { signal }).catch(() => signal.throwIfAborted())
}
