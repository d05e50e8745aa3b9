import { LIMITS } from '../config.js'
import type { Event } from '../db/events.js'
import { fill } from '../slices.js'
import { changesEarlier, type Entry } from './entry.js'
import { compressed, joined, type Piece } from './pieces.js'
import type { ListEnd } from './window.js'

/** Entries with so many versions in a row are compressed together: few, so that a new one lets most of the others be as they are. */
const TOGETHER = 8

/** Behind how many others they stand then. Where two talk, an entry is like one of them; more make it hardly shorter. */
const BEHIND = 2

/** So many entries are rendered without a pause: the longest of them take some milliseconds. */
const AT_ONCE = 4

/** The end of a chat's list as one reader sees it: as many of its entries as fit on a page, and their HTML. */
interface Log extends ListEnd {
  html: Piece
}

/** The end of a chat's list as its readers see it now: once for all who wrote nothing of it, and once for each who did. */
export class Logs {
  private version = 0
  /** The version of the last event that changed how earlier ones look. A log from before it may still be in the making. */
  private changedAt = 0
  private readonly byReader = new Map<number, Log>()
  /** What logs of this version consist of, and those of the one before. */
  private pieces = new Map<string, Piece>()
  private earlier = new Map<string, Piece>()
  /** Undefined where it has to be added up again: every feed is asked for its size once a second. */
  private size: number | undefined = 0

  /** About how much memory they take. */
  get bytes() {
    if (this.size === undefined) {
      const logs = [...this.byReader.values()].map(log => log.html)
      const all = [...this.pieces.values(), ...this.earlier.values(), ...logs]
      this.size = all.reduce((sum, { length, blocks }) => sum + length + blocks.length, 0)
    }
    return this.size
  }

  /** That of one reader, if it was put together before. */
  known(end: ListEnd, reader_id: number): Log | undefined {
    return end.version === this.version ? this.byReader.get(placeIn(end, reader_id)) : undefined
  }

  /** The same, or made at once where few entries have yet to be rendered; undefined where there are more, or too much for a page. */
  soon(end: ListEnd, reader_id: number): Log | undefined {
    const known = this.known(end, reader_id)
    if (known) {
      return known
    }
    const reader = placeIn(end, reader_id)
    let waiting = 0
    let left = LIMITS.pageBytes
    for (const entry of end.entries) {
      const mine = entry.event.author_id === reader
      waiting += entry.isRendered(mine) ? 0 : 1
      if (waiting > AT_ONCE) {
        return undefined
      }
      left -= Buffer.byteLength(entry.html(mine))
    }
    return left < 0 ? undefined : this.keep(end, reader)
  }

  /** That of one reader. */
  async of(end: ListEnd, reader_id: number): Promise<Log> {
    const known = this.known(end, reader_id)
    if (known) {
      return known
    }
    const reader = placeIn(end, reader_id)
    const { items, cut } = await fill(end.entries.toReversed(), LIMITS.pageBytes, entry =>
      entry.html(entry.event.author_id === reader),
    )
    return this.keep({ entries: items.reverse(), more: end.more || cut !== undefined, version: end.version }, reader)
  }

  /** The HTML of entries that stand one behind another in the list at that version, as one reader sees them. */
  html(entries: readonly Entry[], version: number, reader_id: number): Piece {
    const pieces: Piece[] = []
    for (let at = 0, end = 0; at < entries.length; at = end) {
      while (end < entries.length && placeOf(entries[end]) === placeOf(entries[at])) {
        end++
      }
      const before = entries.slice(Math.max(0, at - BEHIND), at)
      pieces.push(this.piece(entries.slice(at, end), before, reader_id, version >= this.changedAt))
    }
    return joined(pieces)
  }

  /** The chat's next event comes. What it changes of earlier ones is in no piece any more. */
  take(event: Event) {
    this.byReader.clear()
    this.size = undefined
    if (changesEarlier(event)) {
      this.changedAt = event.version
      this.clear()
    }
  }

  clear() {
    this.byReader.clear()
    this.pieces.clear()
    this.earlier.clear()
    this.size = undefined
  }

  /** Puts the entries together, which all fit on a page, and keeps that for readers of the same place. */
  private keep(end: ListEnd, reader: number): Log {
    if (end.version > this.version) {
      this.version = end.version
      this.byReader.clear()
      this.earlier = this.pieces
      this.pieces = new Map()
    }
    const log = { ...end, html: this.html(end.entries, end.version, reader) }
    if (end.version === this.version && end.version >= this.changedAt) {
      this.byReader.set(reader, log)
    }
    this.size = undefined
    return log
  }

  private piece(entries: readonly Entry[], before: readonly Entry[], reader_id: number, isCurrent: boolean): Piece {
    const mine = ({ event }: Entry) => event.author_id === reader_id
    const html = (some: readonly Entry[]) => some.map(entry => entry.html(mine(entry))).join('')
    if (!isCurrent) {
      return compressed(html(entries), html(before))
    }
    const shown = [...before, ...entries]
    const writers = shown.map(entry => (mine(entry) ? 1 : 0)).join('')
    const key = `${before.length} ${shown[0]?.version} ${shown.at(-1)?.version} ${writers}`
    const piece = this.pieces.get(key) ?? this.earlier.get(key) ?? compressed(html(entries), html(before))
    this.pieces.set(key, piece)
    this.size = undefined
    return piece
  }
}

/** All who wrote nothing of it see the same. */
function placeIn({ entries }: ListEnd, reader_id: number): number {
  return entries.some(({ event }) => event.author_id === reader_id) ? reader_id : 0
}

function placeOf(entry: Entry | undefined): number {
  return Math.floor((entry?.version ?? 0) / TOGETHER)
}
