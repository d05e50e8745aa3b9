import { setTimeout as wait } from 'node:timers/promises'
import type { Event } from '../db/events.js'
import { inSlice } from '../slices.js'
import type { Typist } from './bus.js'
import { type Entry, entriesOf, type Renderer, supersedes } from './entry.js'
import type { Known } from './sweep.js'

/** Streams get what is new at once; what follows within this time goes out together, in milliseconds. */
const TICK = 5

/** How much of a chat's past is kept for those who come back: so many events, of so many bytes. */
const WINDOW = 300
const WINDOW_BYTES = 2 * 1024 * 1024

/** How many members are remembered. */
const MEMBERS = 20_000

/** What is written at once, and must be taken in at once: so many events, and about so many bytes. */
const PAGE = 200
const PAGE_BYTES = 128 * 1024

/** Why a stream ends: its reader may not read on, or the program (or what it knows of the chat) does not go on. */
export type Reason = 'gone' | 'restart'

/** Whoever follows the feed, once they have caught up with it. */
export interface Follower {
  readonly user_id: number
  /** Makes what `deliver` will write of the event, which keeps it. */
  prepare(entry: Entry): void
  deliver(batch: Batch): void
  /** Tells of somebody who types, at no cost to what is kept in order; who has no time for it is not told. */
  tell(typing: Typing): void
  end(reason: Reason): void
  drop(): void
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

  /** Of the last event. */
  get version() {
    return this.entries.at(-1)?.version ?? 0
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

/** Somebody who is typing, and what is made of it for all those who read the same form. */
export class Typing {
  readonly typist: Typist
  private readonly made = new Map<string, Buffer>()

  constructor(typist: Typist) {
    this.typist = typist
  }

  buffer(form: string, make: (typist: Typist) => string): Buffer {
    let buffer = this.made.get(form)
    if (!buffer) {
      buffer = Buffer.from(make(this.typist))
      this.made.set(form, buffer)
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
  onFailure(error: unknown): void
}

interface Membership {
  /** As the chat shows the member. */
  name: string
  /** The version of the chat at which they were seen to be one. */
  version: number
}

/**
 * What one process knows of one active chat: its version, those of its members who read here, and its last events. Polls and
 * streams of all kinds live on it, so an event is read from the database once, and what was posted here not even that.
 */
export class Feed implements Known {
  readonly chat_id: number
  readonly askedAt: number
  readonly knownAt = performance.now()
  usedAt = this.knownAt
  /** It hears of nothing any more: whoever reads here comes back to another. */
  isClosed = false
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
  /** The last event that changed how earlier ones look. */
  private supersededAt = 0
  /** The end of the list as a page shows it, up to `version`, and whether there are messages before it. */
  private shown: Entry[] | undefined
  private hasOlder = false
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

  get hasReaders() {
    return this.readers.size > 0
  }

  /** The chat is said to have come further than what is known. */
  get isBehind() {
    return this.heard > this.version
  }

  /** About how much memory its events take. */
  get bytes() {
    return this.windowBytes + bytesOf(this.shown ?? [])
  }

  /** The member's name, if they are known to be one. */
  member(user_id: number): string | undefined {
    return this.memberships.get(user_id)?.name
  }

  /** What the database said of a member when the chat was at that version. Returns whether it still holds. */
  learnMember(user_id: number, name: string, version: number): boolean {
    if (version < this.version) {
      const since = this.entriesAfter(version)
      if (!since || since.some(({ event }) => changesMember(event) && event.author_id === user_id)) {
        return false
      }
    }
    if (this.memberships.size >= MEMBERS) {
      // They are asked about anew when they come again.
      this.memberships.clear()
    }
    this.memberships.set(user_id, { name, version })
    return true
  }

  /** The events after `version`, in order, at most `limit`; from memory where they are there. */
  async after(version: number, limit = PAGE): Promise<readonly Entry[]> {
    if (this.oldest > version + 1 && version >= this.oldest - 1 - PAGE) {
      // Many come back at once, after a restart, and ask for the same.
      const at = this.version
      this.reachingBack ??= this.read(version, PAGE)
        .then(entries => this.extendBack(entries, at))
        .finally(() => {
          this.reachingBack = undefined
        })
      await this.reachingBack
    }
    const known = this.entriesAfter(version)
    return known ? known.slice(0, limit) : this.read(version, limit)
  }

  /**
   * The chat's newest messages, so many at most, with the small events between and after them; `more` says whether there are
   * older messages. Undefined where so far back is not in memory.
   */
  newest(messages: number): { entries: readonly Entry[]; more: boolean; version: number } | undefined {
    const { version, shown } = this
    if (!shown) {
      return undefined
    }
    let found = 0
    for (let place = shown.length - 1; place >= 0; place--) {
      if (shown[place]?.event.kind === 'message' && ++found > messages) {
        return { entries: shown.slice(place + 1), more: true, version }
      }
    }
    return found === messages || !this.hasOlder ? { entries: [...shown], more: this.hasOlder, version } : undefined
  }

  /** Keeps what the database said of the list's end when the chat was at `version`; `more`: whether there are messages before it. */
  adopt(events: readonly Event[], more: boolean, version: number): readonly Entry[] {
    const entries = this.entriesOf(events)
    if (version === this.version) {
      this.shown = [...entries]
      this.hasOlder = more
    }
    return entries
  }

  /** Events that were read otherwise, as the feed shows its own. */
  entriesOf(events: readonly Event[]): readonly Entry[] {
    return entriesOf(events, this.source.renderer)
  }

  /** An event that was posted here. */
  posted(event: Omit<Event, 'previous_author_id' | 'previous_kind' | 'previous_created_at'>) {
    const previous = (this.shown ?? this.window).findLast(stands)?.event
    if (event.version === this.version + 1 && previous) {
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
    while (this.isBehind) {
      await this.look()
    }
  }

  /** Looks in the database for more than is known, whatever was heard. Throws its error. */
  look(): Promise<void> {
    this.catchingUp ??= this.readOn().finally(() => {
      this.catchingUp = undefined
    })
    return this.catchingUp
  }

  /**
   * Brings a reader who has seen everything up to `after` to where the feed is, page by page as they take it in, and delivers
   * to them from then on: there is no moment between the last look and the first delivery. `take` resolves when the reader
   * has taken a page in. Resolves once they have caught up, or have gone.
   */
  async follow(follower: Follower, after: number, take: (batch: Batch) => Promise<void>): Promise<void> {
    this.readers.add(follower)
    if (this.member(follower.user_id) === undefined) {
      // They left while their stream was being opened.
      follower.end('gone')
      return
    }
    if (this.isClosed) {
      follower.end('restart')
      return
    }
    await this.catchUp(after)
    let cursor = after
    while (this.readers.has(follower)) {
      this.deliver()
      if (cursor < this.version) {
        const page = firstPage(await this.after(cursor))
        if (page.length === 0) {
          throw new Error(`Chat ${this.chat_id} has no events after ${cursor}`)
        }
        for (const entry of page) {
          await inSlice()
          follower.prepare(entry)
        }
        if (this.readers.has(follower)) {
          await take(new Batch(page))
        }
        cursor = page.at(-1)?.version ?? cursor
      } else if (this.sent < this.version) {
        // The others wait to be confirmed as readers; what they get then this one has already.
        await wait(10 * TICK)
      } else {
        this.followers.add(follower)
        return
      }
    }
  }

  unfollow(follower: Follower) {
    this.readers.delete(follower)
    this.followers.delete(follower)
  }

  /** Sends all readers away. */
  disperse(reason: Reason) {
    for (const reader of this.readers) {
      reader.end(reason)
    }
  }

  /** Tells the followers what they have not been told. */
  deliver() {
    if (this.sent === this.version || !this.source.delivers()) {
      return
    }
    const entries = this.entriesAfter(this.sent) ?? []
    const page = this.followers.size > 0 ? firstPage(entries) : entries
    if (this.followers.size > 0) {
      const batch = new Batch(page)
      for (const follower of this.followers) {
        try {
          follower.deliver(batch)
        } catch (error) {
          // One reader's trouble is not the others'.
          this.source.onFailure(error)
          follower.drop()
        }
      }
    }
    this.sent = page.at(-1)?.version ?? this.version
    this.trim()
    if (this.sent < this.version) {
      this.deliverLater()
    }
  }

  /**
   * Tells the followers that somebody is typing, unless what they typed has come by now. Not where the followers are not known
   * to be readers any more.
   */
  typing(typist: Typist) {
    const { user_id, after } = typist
    const since = this.entriesAfter(Math.min(after, this.version)) ?? []
    const isOver = since.some(({ event }) => event.kind === 'message' && event.author_id === user_id)
    if (isOver || !this.source.delivers()) {
      return
    }
    const typing = new Typing(typist)
    for (const follower of this.followers) {
      if (follower.user_id !== user_id) {
        follower.tell(typing)
      }
    }
  }

  /** Gives up its memory; everything can be read again. */
  emptyWindow() {
    if (this.sent === this.version) {
      this.window = []
      this.windowBytes = 0
      this.shown = undefined
    }
  }

  private get oldest() {
    return this.window[0]?.version ?? this.version + 1
  }

  private entriesAfter(version: number): Entry[] | undefined {
    return version + 1 >= this.oldest ? this.window.slice(version + 1 - this.oldest) : undefined
  }

  private async read(after: number, limit: number): Promise<readonly Entry[]> {
    return this.entriesOf(await this.source.read(this.chat_id, after, limit))
  }

  private async readOn() {
    const { heard } = this
    const events = await this.source.read(this.chat_id, this.version, PAGE)
    if (events.length === 0 && heard === this.heard) {
      // It was a rumour: the database that said so has lost it since, or never said so.
      this.heard = this.version
    }
    this.append(events)
  }

  /** Keeps older events, as they were when the chat was at `version` at least. */
  private extendBack(entries: readonly Entry[], version: number) {
    if (version < this.supersededAt) {
      return
    }
    const older = entries.filter(entry => entry.version < this.oldest)
    const [first] = older
    if (first && first.version + older.length === this.oldest) {
      this.window.unshift(...older)
      this.windowBytes += bytesOf(older)
      this.trim()
    }
  }

  private append(events: readonly Event[]) {
    for (const entry of this.entriesOf(events)) {
      const { version, event } = entry
      if (version > this.version + 1) {
        this.skipTo(version - 1)
      }
      // What was posted here may have come while the same was being read.
      if (version === this.version + 1) {
        if (supersedes(event)) {
          this.supersede(event)
        }
        this.window.push(entry)
        if (this.shown && stands(entry)) {
          this.shown.push(entry)
        }
        this.windowBytes += entry.bytes
        this.version = version
        this.heard = Math.max(this.heard, version)
        if (isParting(event)) {
          this.part(event.author_id, version)
        }
      }
    }
    this.deliverSoon()
  }

  /** Nothing in memory says any more what was there before. */
  private supersede(later: Event) {
    this.supersededAt = later.version
    this.window = this.window.map(entry => entry.after(later))
    this.windowBytes = bytesOf(this.window)
    this.shown = this.shown?.map(entry => entry.after(later))
    const membership = this.memberships.get(later.author_id)
    if (later.kind === 'named' && membership) {
      membership.name = later.author_name
    }
  }

  /** Somebody has deleted events by hand: readers come back, each with what they have. */
  private skipTo(version: number) {
    this.disperse('restart')
    this.version = version
    this.sent = version
    this.emptyWindow()
  }

  private part(user_id: number, version: number) {
    if ((this.memberships.get(user_id)?.version ?? 0) > version) {
      // Seen to be back by now.
      return
    }
    this.memberships.delete(user_id)
    for (const reader of this.readers) {
      if (reader.user_id === user_id) {
        reader.end('gone')
      }
    }
  }

  private deliverSoon() {
    if (!this.tick) {
      this.deliver()
      this.deliverLater()
    }
  }

  private deliverLater() {
    this.tick ??= setTimeout(() => {
      this.tick = undefined
      if (this.sent < this.version) {
        this.deliverSoon()
      }
    }, TICK)
  }

  /** Drops the oldest events where they are too many, but none that the followers have not been told. */
  private trim() {
    while ((this.window.length > WINDOW || this.windowBytes > WINDOW_BYTES) && this.oldest <= this.sent) {
      this.windowBytes -= this.window.shift()?.bytes ?? 0
    }
    while (this.shown && this.shown.length > WINDOW) {
      this.shown.shift()
      this.hasOlder = true
    }
  }
}

/** Whether its author is a member no more. */
function isParting({ kind }: Event): boolean {
  return kind === 'left' || kind === 'removed'
}

/** Whether what was known of its author as a member holds no more. */
function changesMember(event: Event): boolean {
  return isParting(event) || event.kind === 'named'
}

/** Whether it is in the list by itself, rather than changing what is. */
function stands({ event, version }: Entry): boolean {
  return event.id === version
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0)
}

function firstPage(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0
  const end = entries.findIndex(entry => {
    bytes += entry.bytes
    return bytes > PAGE_BYTES
  })
  return end < 0 ? entries : entries.slice(0, Math.max(1, end))
}
