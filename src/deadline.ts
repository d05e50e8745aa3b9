/**
 * What the promise resolves to. Throws an error that counts as an outage (src/http/outages.ts) if that takes longer than so many
 * milliseconds; the promise goes on, but its result and its error are ignored then.
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
