/** Resolves with the name of the first signal that asks the program to stop. */
export function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    // Not once: a second one, which npm passes on beside the terminal's, would end the program at once.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(signal))
    }
  })
}
