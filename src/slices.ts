/** How long work in pieces may hold the event loop, in milliseconds. All requests share it. A piece is never interrupted. */
const SLICE = 10

/** When the current slice ends, in the time of `performance.now()`. Undefined if the next piece begins a slice. */
let endsAt: number | undefined

/** The pieces that wait for a later slice, in their order. */
const waiting: (() => void)[] = []

/** Await this before each piece of work: it waits for a later slice if the current one is used up. */
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
      // Only one, which begins the next slice. Pieces that come after it use what is left of that slice.
      waiting.shift()?.()
    })
  }
  return performance.now() < endsAt
}

/** `make` of each item, in slices. */
export async function mapInSlices<T, Made>(items: Iterable<T>, make: (item: T) => Made): Promise<Made[]> {
  const made: Made[] = []
  for (const item of items) {
    await inSlice()
    made.push(make(item))
  }
  return made
}

/** The items that an answer has room for, and the text of each. */
interface Filled<T> {
  items: T[]
  texts: string[]
  /** The first item that did not fit, if there is one. */
  cut: T | undefined
}

/** Makes texts of the items, in slices, until they are `bytes` long together. The first item always fits. */
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
