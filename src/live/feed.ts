import { setTimeout as wait } from 'node:timers/promises'
import type { Event } from '../db/events.js'
import type { Known } from './sweep.js'

/** Streams get what is new at once; what follows within this time goes out together, in milliseconds. */
const TICK = 5

/** How much of a chat's past is kept for those who come back: so many events, and so many bytes of text. */
export const WINDOW = 300
const WINDOW_BYTES = 1024 * 1024

/** The events of one page of a replay. */
export const PAGE = 200

/** How an event looks to those who read it. Nothing in it depends on the reader but whether they wrote it. */
export interface Renderer {
  json(event: Event): string
  html(event: Event, mine: boolean): string
}

/** One event, rendered once for each form, when the first reader of that form needs it. */
export class Entry {
  readonly event: Event
  private readonly renderer: Renderer
  private jsonText: string | undefined
  private jsonBytes: Buffer | undefined
  private own: string | undefined
  private others: string | undefined

  constructor(event: Event, renderer: Renderer) {
    this.event = event
    this.renderer = renderer
  }

  get version() {
    return this.event.version
  }

  json(): string {
    this.jsonText ??= this.renderer.json(this.event)
    return this.jsonText
  }

  jsonBuffer(): Buffer {
    this.jsonBytes ??= Buffer.from(this.json())
    return this.jsonBytes
  }

  html(mine: boolean): string {
    if (mine) {
      this.own ??= this.renderer.html(this.event, true)
      return this.own
    }
    this.others ??= this.renderer.html(this.event, false)
    return this.others
  }

  /** About how much memory it takes. */
  get bytes() {
    const { length = 0 } = this.event.text ?? ''
    return 500 + 2 * (length + (this.jsonText?.length ?? 0) + (this.own?.length ?? 0) + (this.others?.length ?? 0))
  }
}

/** Whoever follows the feed, once they have caught up with it. */
export interface Follower {
  readonly user_id: number
  deliver(batch: Batch): void
  /** The reader is no member any more. */
  leave(): void
}

/** The events that go out together, and what is made of them for all those who read the same form. */
export class Batch {
  readonly entries: readonly Entry[]
  private readonly authors: ReadonlySet<number>
  private readonly made = new Map<string, Buffer>()

  constructor(entries: readonly Entry[]) {
    this.entries = entries
    this.authors = new Set(entries.map(({ event }) => event.author_id))
  }

  /** Made once for all readers of the form but the events' authors, who get their own. */
  buffer(form: string, user_id: number, make: (entries: readonly Entry[], user_id: number) => string): Buffer {
    const key = this.authors.has(user_id) ? `${form} ${user_id}` : form
    let buffer = this.made.get(key)
    if (!buffer) {
      buffer = Buffer.from(make(this.entries, user_id))
      this.made.set(key, buffer)
    }
    return buffer
  }
}

interface Source {
  /** The chat's events after a version, in order, at most `limit`, from the database. */
  read(chat_id: number, after: number, limit: number): Promise<Event[]>
  renderer: Renderer
  /** Whether readers may be told now: if not, what is new waits for `deliver`. */
  delivers(): boolean
}

interface Membership {
  /** As the chat shows the member. */
  name: string
  /** The version of the chat at which they were seen to be one. */
  version: number
}

/**
 * What one process knows of one active chat: its version, those of its members who read here, and its last events. Polls and streams of
 * all kinds live on it, so an event is read from the database once, and what was posted here not even that.
 */
export class Feed implements Known {
  readonly chat_id: number
  readonly askedAt: number
  readonly knownAt = performance.now()
  usedAt = this.knownAt
  /** The links by which it is known. */
  readonly uris = new Set<string>()
  /** Everything up to here is known: it is in memory or can be read. */
  version: number
  /** What the chat is said to have come to. */
  private heard: number
  /** What has gone out to the followers. */
  private sent: number
  /** The last events, without a gap, up to `version`. */
  private window: Entry[] = []
  private windowBytes = 0
  private readonly memberships = new Map<number, Membership>()
  /** All who read here by a stream, and those of them who have caught up. */
  private readonly readers = new Set<Follower>()
  private readonly followers = new Set<Follower>()
  private tick: NodeJS.Timeout | undefined
  private catchingUp: Promise<void> | undefined
  private reachingBack: Promise<void> | undefined
  private readonly source: Source

  constructor(chat_id: number, version: number, askedAt: number, source: Source) {
    this.chat_id = chat_id
    this.version = version
    this.heard = version
    this.sent = version
    this.askedAt = askedAt
    this.source = source
  }

  /** The member's name, if they are known to be one. */
  member(user_id: number): string | undefined {
    return this.memberships.get(user_id)?.name
  }

  /** What the database said of a user when the chat was at that version. Returns whether it still holds. */
  learnMember(user_id: number, name: string, version: number): boolean {
    if (version < this.version) {
      const since = this.entriesAfter(version)
      if (!since || since.some(({ event }) => event.kind === 'left' && event.author_id === user_id)) {
        return false
      }
    }
    this.memberships.set(user_id, { name, version })
    return true
  }

  get isFollowed() {
    return this.readers.size > 0
  }

  get bytes() {
    return this.windowBytes
  }

  /** The events after `version`, in order, at most `limit`; from memory where they are there. */
  async after(version: number, limit = PAGE): Promise<readonly Entry[]> {
    if (this.oldest > version + 1 && version >= this.version - WINDOW) {
      // Many come back at once after a restart and all ask for the same.
      this.reachingBack ??= this.reachBack(version).finally(() => {
        this.reachingBack = undefined
      })
      await this.reachingBack
    }
    const known = this.entriesAfter(version)
    return known ? known.slice(0, limit) : this.read(version, limit)
  }

  /** An event that was posted here. */
  posted(event: Omit<Event, 'previous_author_id' | 'previous_kind' | 'previous_created_at'>) {
    if (event.version === this.version + 1 && this.window.length > 0) {
      const { event: previous } = this.window.at(-1) as Entry
      this.append([
        {
          ...event,
          previous_author_id: previous.author_id,
          previous_kind: previous.kind,
          previous_created_at: previous.created_at,
        },
      ])
    }
  }

  /** Reads on until that version at least, or what else is heard of meanwhile. Throws the database's error. */
  async catchUp(version = this.heard) {
    this.heard = Math.max(this.heard, version)
    while (this.version < this.heard) {
      this.catchingUp ??= this.readOn().finally(() => {
        this.catchingUp = undefined
      })
      await this.catchingUp
    }
  }

  /**
   * Brings a reader who has seen everything up to `after` to where the feed is, page by page as they take it in, and delivers
   * to them from then on: there is no moment between the last look and the first delivery. `take` resolves to false for a reader
   * who has gone.
   */
  async follow(follower: Follower, after: number, take: (batch: Batch) => Promise<boolean>): Promise<void> {
    this.readers.add(follower)
    await this.catchUp(after)
    for (let cursor = after; ; ) {
      this.deliver()
      if (cursor >= this.version && this.sent === this.version) {
        this.followers.add(follower)
        return
      }
      if (cursor >= this.version) {
        // The others wait to be confirmed as readers; what they get then this one has already.
        await wait(TICK)
      } else {
        const entries = await this.after(cursor)
        if (entries.length === 0 || !this.readers.has(follower) || !(await take(new Batch(entries)))) {
          return
        }
        cursor = entries.at(-1)?.version ?? cursor
      }
      if (!this.readers.has(follower)) {
        return
      }
    }
  }

  unfollow(follower: Follower) {
    this.readers.delete(follower)
    this.followers.delete(follower)
  }

  /** Sends all readers away: nothing here holds any more. */
  disperse() {
    for (const reader of this.readers) {
      reader.leave()
    }
  }

  /** Gives up its memory; everything can be read again. */
  emptyWindow() {
    if (this.sent === this.version) {
      this.window = []
      this.windowBytes = 0
    }
  }

  private get oldest() {
    return this.window[0]?.version ?? this.version + 1
  }

  private entriesAfter(version: number): Entry[] | undefined {
    return version + 1 >= this.oldest ? this.window.slice(version + 1 - this.oldest) : undefined
  }

  private async read(after: number, limit: number): Promise<Entry[]> {
    const events = await this.source.read(this.chat_id, after, limit)
    return events.map(event => new Entry(event, this.source.renderer))
  }

  private async readOn() {
    const events = await this.source.read(this.chat_id, this.version, PAGE)
    if (events.length === 0) {
      throw new Error(`Chat ${this.chat_id} has no events after ${this.version}, though it has come further`)
    }
    this.append(events)
  }

  private async reachBack(version: number) {
    const entries = await this.read(Math.max(0, version), WINDOW)
    const older = entries.filter(entry => entry.version < this.oldest)
    if (older.length > 0 && older.at(-1)?.version === this.oldest - 1) {
      this.window.unshift(...older)
    }
  }

  private append(events: readonly Event[]) {
    for (const event of events) {
      // What was posted here may have come while the same was being read.
      if (event.version === this.version + 1) {
        this.window.push(new Entry(event, this.source.renderer))
        this.version = event.version
        if (event.kind === 'left') {
          this.part(event.author_id, event.version)
        }
      }
    }
    this.deliverSoon()
  }

  private part(user_id: number, version: number) {
    if ((this.memberships.get(user_id)?.version ?? 0) > version) {
      // Seen to be back by now.
      return
    }
    this.memberships.delete(user_id)
    for (const reader of this.readers) {
      if (reader.user_id === user_id) {
        reader.leave()
      }
    }
  }

  private deliverSoon() {
    if (!this.tick) {
      this.deliver()
      this.tick = setTimeout(() => {
        this.tick = undefined
        if (this.sent < this.version) {
          this.deliverSoon()
        }
      }, TICK)
    }
  }

  /** Tells the followers what they have not been told. */
  deliver() {
    if (this.sent < this.version && this.source.delivers()) {
      if (this.followers.size > 0) {
        const batch = new Batch(this.entriesAfter(this.sent) ?? [])
        for (const follower of this.followers) {
          follower.deliver(batch)
        }
      }
      this.sent = this.version
      this.measure()
    }
  }

  /** Drops the oldest events where they are too many. */
  private measure() {
    let bytes = 0
    let kept = 0
    for (let place = this.window.length - 1; place >= 0 && kept < WINDOW; place--, kept++) {
      bytes += this.window[place]?.bytes ?? 0
      if (bytes > WINDOW_BYTES && kept > 0) {
        break
      }
    }
    this.windowBytes = bytes
    if (kept < this.window.length) {
      this.window = this.window.slice(-kept)
    }
  }
}
