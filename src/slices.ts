/** How long work that comes in pieces may hold the event loop, in milliseconds, all requests together. A piece is not cut. */
const SLICE = 10

/** When the slice under way ends, in `performance.now()`'s time. Undefined: the next piece begins one. */
let endsAt: number | undefined

/** Those who wait for a later slice, the first to come first. */
const waiting: (() => void)[] = []

/** Waits until the event loop has been round, where the slice is used up. To be awaited before each piece of work. */
export async function inSlice() {
  while (!lasts()) {
    await new Promise<void>(resolve => waiting.push(resolve))
  }
}

function lasts(): boolean {
  if (endsAt === undefined) {
    endsAt = performance.now() + SLICE
    setImmediate(() => {
      endsAt = undefined
      // One of them alone: it begins the next slice, and who comes after it finds out how much is left of that.
      waiting.shift()?.()
    })
  }
  return performance.now() < endsAt
}

/** Makes something of each item, in slices. */
export async function mapInSlices<T, Made>(items: Iterable<T>, make: (item: T) => Made): Promise<Made[]> {
  const made: Made[] = []
  for (const item of items) {
    await inSlice()
    made.push(make(item))
  }
  return made
}

/** What an answer has room for: the items, and what was made of each. */
export interface Filled<T> {
  items: T[]
  texts: string[]
  /** The first item that did not fit, if there is one. */
  cut: T | undefined
}

/** Makes texts of the items, in slices, until they are `bytes` long together. One item always fits. */
export async function fill<T>(
  items: Iterable<T> | AsyncIterable<T>,
  bytes: number,
  make: (item: T) => string,
): Promise<Filled<T>> {
  const filled: Filled<T> = { items: [], texts: [], cut: undefined }
  let left = bytes
  for await (const item of items) {
    await inSlice()
    const text = make(item)
    left -= Buffer.byteLength(text)
    if (left < 0 && filled.texts.length > 0) {
      filled.cut = item
      break
    }
    filled.items.push(item)
    filled.texts.push(text)
  }
  return filled
}
