/**
 * What the promise resolves to, if it does within so many milliseconds; throws an error that counts as an outage otherwise. What
 * comes later is heeded by nobody.
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
