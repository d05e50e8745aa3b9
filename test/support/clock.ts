/** Stops the clock of the program's rate limits meanwhile: no bucket fills, however slow the machine is. */
export async function withClockStopped<T>(act: () => Promise<T>): Promise<T> {
  const { now } = performance
  // A whole second, so that calculations in seconds are exact.
  const moment = Math.ceil(performance.now() / 1000) * 1000
  performance.now = () => moment
  try {
    return await act()
  } finally {
    performance.now = now
  }
}
