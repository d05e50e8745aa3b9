import { OperatorError } from '../operator-error.js'

/** Aborted by the first signal that asks the program to stop. The message of its reason is the signal's name. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  // Not once(): the terminal and npm both send the signal, and a second one without a listener would end the program at once.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new OperatorError(name)))
  }
  return controller.signal
}
