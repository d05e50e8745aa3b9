import { noteSeen } from '../db/members.js'
import type { Db } from '../db/schema.js'
import { within } from '../deadline.js'

/** Between two writes to the database, in milliseconds. */
const EVERY = 20_000

/** How long one write may take, in milliseconds. */
const WITHIN = 5_000

interface Reader {
  chat_id: number
  user_id: number
}

/**
 * Which users read which chats by this process. It is kept in memory and written to the database every 20 s, for all of them in one
 * statement, so that polls write nothing. If there were no readers, nothing is written.
 */
export class Presence {
  private seen = new Map<number, Set<number>>()
  private readonly timer: NodeJS.Timeout
  private readonly db: Db
  private readonly streaming: () => Iterable<Reader>
  private readonly onFailure: (error: unknown) => void

  /** `streaming` returns those who read by streams now. */
  constructor(db: Db, streaming: () => Iterable<Reader>, onFailure: (error: unknown) => void) {
    this.db = db
    this.streaming = streaming
    this.onFailure = onFailure
    this.timer = setInterval(() => void this.tell(), EVERY)
  }

  saw(chat_id: number, user_id: number) {
    const users = this.seen.get(chat_id)
    if (users) {
      users.add(user_id)
    } else {
      this.seen.set(chat_id, new Set([user_id]))
    }
  }

  /** Whether they were seen here since the last write, which the database cannot know yet. */
  knows(chat_id: number, user_id: number): boolean {
    return this.seen.get(chat_id)?.has(user_id) ?? false
  }

  /** Writes to the database who was seen since the last write. */
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

  /** Writes a last time. */
  async close() {
    clearInterval(this.timer)
    await this.tell()
  }
}
