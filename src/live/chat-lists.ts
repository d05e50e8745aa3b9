import type { Streams } from './streams.js'

/** A list is believed for so many milliseconds after the database was asked for it: a page asks again after a minute. */
const FRESH_FOR = 59_000

/** Of somebody who has not asked for so many milliseconds no page shows it any more. */
const OPEN_FOR = 2 * FRESH_FOR

/** Between two looks at which streams show a list that has changed, in milliseconds. */
const LOOK_EVERY = 1000

/** Lists of so many users, and times of so many chats and users, are in memory. */
const AT_MOST = 10_000

/** What a user's open pages show of their chats. */
interface ChatList {
  /** Names what the list shows: where a chat of it or its count is another, the stamp is too. */
  stamp: string
  chats: readonly number[]
  /** When the database was asked for it, in `performance.now()`'s time. */
  askedAt: number
}

/**
 * The lists of chats that are open in the browsers of this process's readers. What makes one out of date is known by the hints that come
 * anyway. A hint that is lost, or with BUS=off never sent, costs a minute: then each list is read again.
 */
export class ChatLists {
  private readonly lists = new Map<number, ChatList>()
  private readonly chats = new Times()
  private readonly users = new Times()
  /** The chats in which something has happened since the last look. */
  private moving = new Set<number>()
  private readonly streams: Streams
  private readonly timer: NodeJS.Timeout

  constructor(streams: Streams) {
    this.streams = streams
    this.timer = setInterval(() => this.look(), LOOK_EVERY)
  }

  /** Keeps what the database has just said of the newest chats of a user, who has them in an open page now. */
  keep(user_id: number, list: ChatList) {
    this.lists.delete(user_id)
    this.lists.set(user_id, list)
    const [longestUnused] = this.lists.keys()
    if (this.lists.size > AT_MOST && longestUnused !== undefined) {
      this.lists.delete(longestUnused)
    }
  }

  /** Whether a page that shows the user's list under that stamp shows what it would show if it were read now. */
  isFresh(user_id: number, stamp: string): boolean {
    const list = this.lists.get(user_id)
    return (
      list?.stamp === stamp &&
      performance.now() - list.askedAt < FRESH_FOR &&
      !this.users.since(user_id, list.askedAt) &&
      !list.chats.some(id => this.chats.since(id, list.askedAt))
    )
  }

  /** Something has happened in the chat. */
  moved(chat_id: number) {
    this.chats.note(chat_id)
    this.moving.add(chat_id)
  }

  /** The user has read the chat, or has become a member of it: their other pages show that. */
  changed(user_id: number, chat_id: number) {
    this.users.note(user_id)
    for (const stream of this.streams.ofUser(user_id)) {
      if (stream.feed?.chat_id !== chat_id) {
        stream.noteChats()
      }
    }
  }

  /** Hints may have been missed. */
  missed() {
    this.chats.clear()
  }

  close() {
    clearInterval(this.timer)
  }

  /** Notes what has happened at the streams of those who show it in a list, except where it is the stream's own chat. */
  private look() {
    const { moving } = this
    if (moving.size === 0) {
      return
    }
    this.moving = new Set()
    const openSince = performance.now() - OPEN_FOR
    for (const stream of this.streams) {
      const { chats = [], askedAt = 0 } = this.lists.get(stream.user_id) ?? {}
      const shows = (id: number) => id !== stream.feed?.chat_id && moving.has(id) && this.chats.since(id, askedAt)
      if (askedAt > openSince && chats.some(shows)) {
        stream.noteChats()
      }
    }
  }
}

/** When something last happened to each of many: of the AT_MOST last ones. */
class Times {
  private readonly times = new Map<number, number>()
  /** For all that are not in memory: not after that. */
  private earlier = Number.NEGATIVE_INFINITY

  note(id: number) {
    this.times.delete(id)
    this.times.set(id, performance.now())
    const [first] = this.times
    if (this.times.size > AT_MOST && first) {
      this.times.delete(first[0])
      this.earlier = first[1]
    }
  }

  /** Whether it may have happened at that time or after it. */
  since(id: number, time: number): boolean {
    return (this.times.get(id) ?? this.earlier) >= time
  }

  clear() {
    this.times.clear()
    this.earlier = performance.now()
  }
}
