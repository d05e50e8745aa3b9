/** A list is believed for so many milliseconds after the database was asked for it: a page asks again after a minute. */
const FRESH_FOR = 59_000

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
  }

  /** The user has read one of their chats, or has another. */
  changed(user_id: number) {
    this.users.note(user_id)
  }

  /** Hints may have been missed. */
  missed() {
    this.chats.clear()
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
