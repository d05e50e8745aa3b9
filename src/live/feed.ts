import type { Chat } from '../db/chats.js'
import { behindGap, JUMP } from '../db/epoch.js'
import type { Event } from '../db/events.js'
import type { Member } from '../db/members.js'
import { Batch } from './batch.js'
import { ANYONE, Delivery, type DeliveryCallbacks, type Follower, type Reason } from './delivery.js'
import { type Entry, entriesOf, type Renderer } from './entry.js'
import { Logs } from './logs.js'
import { Memberships } from './memberships.js'
import { changesSurroundings, Surroundings } from './surroundings.js'
import type { Cached } from './sweep.js'
import type { Typist } from './typing.js'
import { type ListEnd, Window } from './window.js'

/** How many events are read from the database at once. */
const PAGE = 200

interface Source extends DeliveryCallbacks {
  /** The chat's events after a version, in order, at most `limit`, from the database. */
  read(chat_id: number, after: number, limit: number): Promise<Event[]>
  /** The versions of the events at or before a version, and after it, that are nearest. */
  around(chat_id: number, version: number): Promise<{ before: number | null; after: number | null }>
  renderer: Renderer
}

/**
 * What one process knows of one chat that is read there: its version and last events, its members who read, and its streams. All
 * polls and streams are answered from it, so that a process reads a new event once, and one that it posted itself not at all.
 */
export class Feed implements Cached {
  readonly chat_id: number
  readonly askedAt: number
  readonly cachedAt = performance.now()
  usedAt = this.cachedAt
  /** Of the links that members use here. */
  readonly uris = new Set<string>()
  readonly logs = new Logs()
  /** What the chat's page shows around its log, where that is in memory. */
  surroundings: Surroundings | undefined
  private readonly window: Window
  private readonly memberships = new Memberships()
  private readonly delivery: Delivery
  /** The highest version that a hint, a post or a sweep has told of. */
  private announced: number
  private closed = false
  private reading: Promise<void> | undefined
  private readingBack: Promise<void> | undefined
  private readonly source: Source

  constructor(chat_id: number, version: number, askedAt: number, source: Source) {
    this.chat_id = chat_id
    this.announced = version
    this.askedAt = askedAt
    this.window = new Window(version)
    this.delivery = new Delivery(this.window, source)
    this.source = source
  }

  get version() {
    return this.window.version
  }

  /** Whether it takes in nothing new any more. Its readers come back to another feed. */
  get isClosed() {
    return this.closed
  }

  get hasStreams() {
    return !this.delivery.isEmpty
  }

  /** Whether there is said to be more than the feed has. */
  get isBehind() {
    return this.announced > this.version
  }

  /** About how much memory its events take, and its page. */
  get bytes() {
    return this.window.bytes + this.logs.bytes + (this.surroundings?.bytes ?? 0)
  }

  /** The member's name in the chat; undefined where the user is not known to be a member. */
  member(user_id: number): string | undefined {
    return this.memberships.name(user_id)
  }

  /** Keeps what the database said of a member when the chat was at `version`. Returns false where it may not be true any more. */
  learnMember(user_id: number, name: string, version: number): boolean {
    return this.memberships.learn(user_id, name, version, this.window.after(version))
  }

  /** Keeps what the database said of the chat by its newest link, and after that of its members, unless an event has changed it since. */
  surround(chat: Chat, members: readonly Member[], member_count: number) {
    const since = this.window.after(chat.version)
    if (chat.uri === chat.current_uri && since && !since.some(({ event }) => changesSurroundings(event))) {
      this.surroundings = new Surroundings(chat, members, member_count)
    }
  }

  /** Keeps how far the member has read at least: everything up to `version`. */
  noteRead(user_id: number, version: number) {
    this.memberships.noteRead(user_id, version)
  }

  /** Whether it is certain that nothing that others wrote is new to the member. */
  hasReadAll(user_id: number): boolean {
    const since = this.window.after(this.memberships.readUpTo(user_id))
    return since?.every(({ event }) => event.kind !== 'message' || event.author_id === user_id) ?? false
  }

  /** The events after `version` up to the feed's, in order, at most `limit`; from memory where they are there. */
  async after(version: number, limit = PAGE): Promise<readonly Entry[]> {
    await this.growBack(version)
    const known = this.window.after(version, limit)
    if (known) {
      return known
    }
    const read = await this.read(version, limit)
    // The database may be ahead. What the feed has not heard of yet is delivered to every stream later: who had it already would get it twice.
    return read.filter(entry => entry.version <= this.version)
  }

  /** The version after which a reader goes on who has everything up to `after`: see behindGap. */
  async goesOnAfter(after: number): Promise<number | undefined> {
    await this.growBack(after)
    if (after >= this.version || this.version < JUMP || this.window.after(after)) {
      return after
    }
    const { before, after: next } = await this.source.around(this.chat_id, after)
    return behindGap(after, before, next ?? this.version + 1)
  }

  /** The end of the list with at most so many messages; undefined where that much of it is not in memory. */
  newest(messages: number): ListEnd | undefined {
    return this.window.newest(messages)
  }

  /** Keeps the end of the list as the database said it when the chat was at `version`; `more`: whether there are older messages. */
  keepNewest(events: readonly Event[], more: boolean, version: number): readonly Entry[] {
    const entries = this.entriesOf(events)
    this.window.keepNewest({ entries, more, version })
    return entries
  }

  /** Entries of events that were read without the feed. */
  entriesOf(events: readonly Event[]): readonly Entry[] {
    return entriesOf(events, this.source.renderer)
  }

  /** Takes in an event that this process posted, where that is the next one; otherwise it is read from the database later. */
  posted(event: Omit<Event, 'previous_author_id' | 'previous_kind' | 'previous_created_at'>) {
    const previous = this.window.newestItem
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

  /** Reads what is new up to `version` at least, or to what is announced meanwhile. Throws the database's error. */
  async catchUp(version = this.announced) {
    this.announced = Math.max(this.announced, version)
    while (this.isBehind) {
      await this.refresh()
    }
  }

  /** Reads what is new, also where nothing was announced; at most a page. Throws the database's error. */
  refresh(): Promise<void> {
    this.reading ??= this.readOn().finally(() => {
      this.reading = undefined
    })
    return this.reading
  }

  /**
   * Gives a stream whose reader has everything up to `after` the rest, and delivers to it from then on. `take` resolves when the
   * reader has taken a batch in. Resolves once the stream has caught up or is over. Throws the database's error.
   */
  async follow(follower: Follower, after: number, take: (batch: Batch) => Promise<void>): Promise<void> {
    this.delivery.add(follower)
    if (follower.user_id !== ANYONE && this.member(follower.user_id) === undefined) {
      // The member left while the stream was being opened.
      follower.end('left')
    } else if (this.closed) {
      follower.end('restart')
    } else {
      await this.catchUp(after)
      await this.delivery.bringUp(follower, after, take, cursor => this.batchAfter(cursor))
    }
  }

  unfollow(follower: Follower) {
    this.delivery.remove(follower)
  }

  /** Delivers what had to wait until the database confirmed the readers. */
  deliver() {
    this.delivery.deliver()
  }

  /** Tells the streams that a member is typing. */
  typing(typist: Typist) {
    this.delivery.deliverTyping(typist)
  }

  /** Frees the memory of its events, unless some are still to be delivered. They can be read from the database again. */
  clearWindow() {
    this.forgetPage()
    if (this.delivery.isDone) {
      this.window.clear(this.version)
    }
  }

  /** Forgets what its page shows. It is read and rendered again when it is asked for. */
  forgetPage() {
    this.surroundings = undefined
    this.logs.clear()
  }

  /** Ends all streams, and takes in nothing new any more. */
  close(reason: Reason) {
    this.closed = true
    this.delivery.end(reason)
  }

  private async batchAfter(cursor: number): Promise<Batch> {
    const batch = new Batch(await this.after(cursor))
    if (batch.entries.length === 0) {
      throw new Error(`Chat ${this.chat_id} has no events after ${cursor}`)
    }
    return batch
  }

  private async read(after: number, limit: number): Promise<readonly Entry[]> {
    return this.entriesOf(await this.source.read(this.chat_id, after, limit))
  }

  /** After a restart many readers come back at once and ask for the same events: the window keeps them. */
  private async growBack(version: number) {
    const { oldest } = this.window
    if (oldest > version + 1 && version >= oldest - 1 - PAGE) {
      this.readingBack ??= this.readBack(version).finally(() => {
        this.readingBack = undefined
      })
      await this.readingBack
    }
  }

  private async readBack(after: number) {
    const { version } = this
    this.window.unshift(await this.read(after, PAGE), version)
    this.window.trim(this.delivery.version)
  }

  private async readOn() {
    const { announced } = this
    const events = await this.source.read(this.chat_id, this.version, PAGE)
    if (events.length === 0 && announced === this.announced) {
      // The hint was wrong: the database never had that version, or has lost it.
      this.announced = this.version
    }
    this.append(events)
  }

  private append(events: readonly Event[]) {
    for (const entry of this.entriesOf(events)) {
      const { version, event } = entry
      if (version > this.version + 1) {
        this.skipTo(version - 1)
      }
      // An event that was posted here may come a second time, from the database.
      if (version === this.version + 1) {
        this.window.push(entry)
        this.logs.take(event)
        if (changesSurroundings(event)) {
          this.surroundings = undefined
        }
        this.announced = Math.max(this.announced, version)
        const ending = this.memberships.take(event)
        if (ending) {
          this.delivery.endOf(event.author_id, ending)
        }
      }
    }
    this.delivery.deliverSoon()
  }

  /** An epoch has begun, or events were deleted: the readers come back, each with their own cursor. */
  private skipTo(version: number) {
    this.delivery.end('restart')
    this.delivery.version = version
    this.window.clear(version)
  }
}
