import { setTimeout as wait } from 'node:timers/promises'

/**
 * Opens one connection after another until the signal ends it. `use` calls `opened` once its connection does what it is for, and rejects when
 * that breaks. It resolves only where the signal has ended it.
 */
export async function keepConnected(
  use: (opened: () => void) => Promise<void>,
  onError: (error: Error) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      await use(() => {
        failures = 0
      })
    } catch (error) {
      if (!signal.aborted) {
        onError(error as Error)
      }
    }
    // After a restart of the server its clients should not all connect at the same moment.
    const pause = Math.min(2000, 50 * 2 ** failures) * (0.5 + Math.random())
    await wait(pause, undefined, { signal }).catch(() => {})
  }
}
