import type { Event } from '../db/events.js'
import { changesEarlier, type Entry } from './entry.js'

/** How much is kept of one chat: at most so many events, of about so many bytes. */
const EVENTS_AT_MOST = 300
const BYTES_AT_MOST = 2 * 1024 * 1024

/** The end of a chat's list of messages, as a page shows it. */
export interface ListEnd {
  /** Messages, and the small events between and after them. */
  entries: readonly Entry[]
  /** Whether there are older messages. */
  more: boolean
  /** The chat's version at that time. */
  version: number
}

/**
 * The last events of one chat, without a gap, and the end of its list: both up to `version`, and both as they look now. An event
 * that changes how earlier ones look changes them here too, so that a deleted text is not in memory any more.
 */
export class Window {
  /** Everything up to here is in the window, or can be read from the database. */
  version: number
  private entries: Entry[] = []
  private entriesBytes = 0
  private list: { entries: Entry[]; more: boolean } | undefined
  /** The version of the last event that changed how earlier ones look. */
  private changedAt = 0

  constructor(version: number) {
    this.version = version
  }

  /** About how much memory it takes. */
  get bytes() {
    return this.entriesBytes + bytesOf(this.list?.entries ?? [])
  }

  /** The version of the first event in the window; one more than `version` where it is empty. */
  get oldest() {
    return this.entries[0]?.version ?? this.version + 1
  }

  /** The newest event that has an item of its own in the list; undefined where none is in memory. */
  get newestItem(): Event | undefined {
    return (this.list?.entries ?? this.entries).findLast(isItem)?.event
  }

  /** The events after `version`, in order, at most `limit`; undefined where the window does not go so far back. */
  after(version: number, limit = Number.POSITIVE_INFINITY): readonly Entry[] | undefined {
    const index = version + 1 - this.oldest
    return index >= 0 ? this.entries.slice(index, index + limit) : undefined
  }

  /** The end of the list with at most so many messages; undefined where that much of it is not in memory. */
  newest(messages: number): ListEnd | undefined {
    const { list, version } = this
    if (!list) {
      return undefined
    }
    const { entries, more } = list
    let found = 0
    for (let index = entries.length - 1; index >= 0; index--) {
      if (entries[index]?.event.kind === 'message' && ++found > messages) {
        return { entries: entries.slice(index + 1), more: true, version }
      }
    }
    return found === messages || !more ? { entries: [...entries], more, version } : undefined
  }

  /** Keeps the end of the list, unless there is a newer version by now. */
  keepNewest({ entries, more, version }: ListEnd) {
    if (version === this.version) {
      this.list = { entries: [...entries], more }
    }
  }

  /** Takes in the event with the next version. */
  push(entry: Entry) {
    if (changesEarlier(entry.event)) {
      this.change(entry.event)
    }
    this.entries.push(entry)
    this.entriesBytes += entry.bytes
    if (this.list && isItem(entry)) {
      this.list.entries.push(entry)
    }
    this.version = entry.version
  }

  /** Grows back by events that were read when the chat was at `version` or later. */
  unshift(entries: readonly Entry[], version: number) {
    if (version < this.changedAt) {
      // They may look otherwise by now.
      return
    }
    const older = entries.filter(entry => entry.version < this.oldest)
    const [first] = older
    if (first && first.version + older.length === this.oldest) {
      this.entries.unshift(...older)
      this.entriesBytes += bytesOf(older)
    }
  }

  /** Drops the oldest events where there are too many, but only up to `version`. */
  trim(version: number) {
    while ((this.entries.length > EVENTS_AT_MOST || this.entriesBytes > BYTES_AT_MOST) && this.oldest <= version) {
      this.entriesBytes -= this.entries.shift()?.bytes ?? 0
    }
    while (this.list && this.list.entries.length > EVENTS_AT_MOST) {
      this.list.entries.shift()
      this.list.more = true
    }
  }

  /** Drops everything and goes on from `version`. */
  clear(version: number) {
    this.entries = []
    this.entriesBytes = 0
    this.list = undefined
    this.version = version
  }

  private change(later: Event) {
    this.changedAt = later.version
    this.entries = this.entries.map(entry => entry.changedBy(later))
    this.entriesBytes = bytesOf(this.entries)
    if (this.list) {
      this.list.entries = this.list.entries.map(entry => entry.changedBy(later))
    }
  }
}

/** Whether the event has an item of its own in the list. The others change the item of an earlier event. */
function isItem({ event, version }: Entry): boolean {
  return event.id === version
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0)
}
