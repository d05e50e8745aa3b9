import { noteSeen } from '../db/members.js'
import type { Db } from '../db/schema.js'
import { within } from '../deadline.js'

/** Between two times that the database is told, in milliseconds. */
const EVERY = 20_000

/** How long it may take, in milliseconds. */
const WITHIN = 5_000

interface Reader {
  chat_id: number
  user_id: number
}

/**
 * Who reads which chats by this process. It is kept in memory and told to the database now and then, for all of them in one
 * statement: no poll costs one. While nobody reads nothing is told.
 */
export class Presence {
  private seen = new Map<number, Set<number>>()
  private readonly clock: NodeJS.Timeout
  private readonly db: Db
  private readonly streaming: () => Iterable<Reader>
  private readonly onFailure: (error: unknown) => void

  /** `streaming` names those who read by streams at this moment. */
  constructor(db: Db, streaming: () => Iterable<Reader>, onFailure: (error: unknown) => void) {
    this.db = db
    this.streaming = streaming
    this.onFailure = onFailure
    this.clock = setInterval(() => void this.tell(), EVERY)
  }

  saw(chat_id: number, user_id: number) {
    const users = this.seen.get(chat_id)
    if (users) {
      users.add(user_id)
    } else {
      this.seen.set(chat_id, new Set([user_id]))
    }
  }

  /** Whether they were seen here of late, which the database may not know yet. */
  knows(chat_id: number, user_id: number): boolean {
    return this.seen.get(chat_id)?.has(user_id) ?? false
  }

  /** Tells the database of all who were seen since it was told last. */
  async tell() {
    for (const { chat_id, user_id } of this.streaming()) {
      this.saw(chat_id, user_id)
    }
    const seen = [...this.seen].flatMap(([chat_id, users]) => [...users].map(user_id => ({ chat_id, user_id })))
    this.seen = new Map()
    if (seen.length > 0) {
      await within(WITHIN, noteSeen(this.db, seen)).catch(this.onFailure)
    }
  }

  /** Tells it for the last time. */
  async close() {
    clearInterval(this.clock)
    await this.tell()
  }
}
