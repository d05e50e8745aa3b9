/**
 * Resolves to what the promise resolves to. Throws an error that counts as an outage (src/http/outages.ts) after so many milliseconds. The
 * promise goes on then, but its result and its error are ignored.
 */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timeout exceeded: no answer within ${milliseconds} ms`)), milliseconds)
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, silence])
  } finally {
    clearTimeout(timer)
  }
}
