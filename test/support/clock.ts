/** Stops the clock that the program measures rates by meanwhile: however slow the machine is, no bucket fills. */
export async function withClockStopped<T>(act: () => Promise<T>): Promise<T> {
  const { now } = performance
  // A whole second, so that what is reckoned in seconds is exact.
  const moment = Math.ceil(performance.now() / 1000) * 1000
  performance.now = () => moment
  try {
    return await act()
  } finally {
    performance.now = now
  }
}
