import type { Entry } from './entry.js'

/** About how many bytes are written at once, and must be taken in at once. */
const BYTES_AT_MOST = 128 * 1024

/** Events that are written together, and their bytes, made once for all readers of a form. */
export class Batch {
  readonly entries: readonly Entry[]
  private readonly authors: ReadonlySet<number>
  private readonly buffers = new Map<string, Buffer>()

  /** Takes the first of the entries: as many as are written at once, one at least. */
  constructor(entries: readonly Entry[]) {
    this.entries = firstOf(entries)
    this.authors = new Set(this.entries.map(({ event }) => event.author_id))
  }

  /** The version of the last event; 0 where there is none. */
  get version() {
    return this.entries.at(-1)?.version ?? 0
  }

  /** The bytes for one reader: their own where they wrote one of the events, else those that all others of the form share. */
  buffer(form: string, user_id: number, make: (entries: readonly Entry[], user_id: number) => string): Buffer {
    const key = this.authors.has(user_id) ? `${form} ${user_id}` : form
    let buffer = this.buffers.get(key)
    if (!buffer) {
      buffer = Buffer.from(make(this.entries, user_id))
      this.buffers.set(key, buffer)
    }
    return buffer
  }
}

function firstOf(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0
  const end = entries.findIndex(entry => {
    bytes += entry.bytes
    return bytes > BYTES_AT_MOST
  })
  return end < 0 ? entries : entries.slice(0, Math.max(1, end))
}
