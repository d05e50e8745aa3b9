import type { Batch } from './batch.js'
import type { Follower, Reason } from './delivery.js'
import type { Entry } from './entry.js'
import type { Feed } from './feed.js'
import type { Credential } from './identities.js'
import type { Told } from './told.js'
import type { Typing } from './typing.js'

/** A stream is dropped when so many bytes wait for its reader, or when the reader takes in nothing for so many milliseconds. */
export const BYTES_WAITING = 256 * 1024
const STALLED_FOR = 10_000

/** Between two heartbeats, in milliseconds: some proxies close a connection that is silent for 30 s. */
const HEARTBEAT_EVERY = 20_000

/** The shortest time between two words that the reader's list of chats has changed, in milliseconds. */
const CHATS_EVERY = 5_000

/** After its last words a stream has so many milliseconds until its connection is cut. */
const ENDS_WITHIN = 5_000

/** Why a stream is over: `slow`, its reader took in nothing for too long; `closed`, the reader closed the connection, or it broke. */
export type Ending = Reason | 'slow' | 'closed'

export type StreamKind = 'page' | 'list' | 'frame' | 'events' | 'socket' | 'wait'

/** The user and the credential that a stream was opened with. */
export interface Reader {
  /** ANYONE for a reader without a credential. */
  user_id: number
  /** The user's version when the credential was last found to be valid. */
  user_version: number
  /** When the credential expires, in `performance.now()`'s time. */
  endsAt: number
  credential: Credential | undefined
  /** Null for a session, and for no credential. */
  token_id: number | null
  address: string
}

/**
 * One reader's open response: what is new in a chat, as it happens. Each kind of stream says how it is written; readers of the same
 * kind share the bytes.
 */
export abstract class Stream implements Follower {
  readonly reader: Reader
  /** Undefined where the stream follows no chat. */
  readonly feed: Feed | undefined
  ended = false
  /** Why it has ended. */
  ending: Ending = 'closed'
  private readonly onOver: (() => void)[] = []
  private onTaken: (() => void) | undefined
  private onLeft: ((version: number) => void) | undefined
  /** The version up to which everything was written. */
  private delivered = 0
  private heartbeatAt = performance.now() + HEARTBEAT_EVERY * (0.5 + Math.random() / 2)
  /** Since when the reader has to take in the bytes up to `due`, which counts from the stream's first one. */
  private stalledAt: number | undefined
  private due = 0
  /** Whether the reader's list of chats has changed since they were told so, and when that was. */
  private chatsMoved = false
  private toldAt = Number.NEGATIVE_INFINITY

  constructor(reader: Reader, feed: Feed | undefined) {
    this.reader = reader
    this.feed = feed
  }

  get user_id() {
    return this.reader.user_id
  }

  /**
   * Writes everything after `after`, and from then on what happens. Resolves once the reader has caught up or is gone. Throws the
   * database's error.
   */
  async begin(after: number) {
    this.delivered = Math.max(this.delivered, after)
    await this.feed?.follow(this, after, batch => this.take(batch))
    if (!this.ended) {
      this.heartbeat()
    }
  }

  deliver(batch: Batch) {
    // Before the write: bytes that were just written wait until the event loop comes round, for every reader.
    if (this.waiting > BYTES_WAITING) {
      this.dropSlow()
    } else {
      this.write(batch)
      this.delivered = batch.version
    }
  }

  deliverTyping(typing: Typing) {
    if (!this.ended && this.waiting === 0) {
      this.writeTyping(typing)
    }
  }

  /** Writes what happened in all chats of the reader. Resolves once they have taken it in, or are gone. */
  async tell(told: readonly Told[]) {
    if (!this.ended) {
      await this.takenIn(written => this.writeTold(told, written))
    }
  }

  /** The reader's list of chats has changed. They are told by the next `check` that may. */
  noteChats() {
    this.chatsMoved = true
  }

  /** Tells the reader why, and ends the stream. */
  end(reason: Reason) {
    if (!this.ended) {
      this.ending = reason
      this.onLeft = undefined
      this.writeEnding(reason, 1000 + Math.round(Math.random() * 7000))
      setTimeout(() => this.drop(), ENDS_WITHIN).unref()
      this.finish()
    }
  }

  /** Called once a second: writes a heartbeat when it is time, ends what has expired, drops a reader who takes in nothing. */
  check(now: number) {
    if (this.waiting === 0) {
      this.stalledAt = undefined
    } else if (this.stalledAt === undefined || this.taken >= this.due) {
      this.stalledAt = now
      this.due = this.taken + this.waiting
    } else if (now - this.stalledAt > STALLED_FOR) {
      this.dropSlow()
      return
    }
    if (now > this.reader.endsAt) {
      // If the credential was used meanwhile it expires later: the reader comes back with it.
      this.end('restart')
    } else if (now > this.heartbeatAt && this.waiting === 0) {
      this.heartbeatAt = now + HEARTBEAT_EVERY
      this.heartbeat()
    }
    if (this.chatsMoved && now - this.toldAt >= CHATS_EVERY && this.waiting === 0 && !this.ended) {
      this.chatsMoved = false
      this.toldAt = now
      this.writeChats()
    }
  }

  /** Calls back once the stream is over, for every reason. */
  whenOver(call: () => void) {
    if (this.ended) {
      call()
    } else {
      this.onOver.push(call)
    }
  }

  /** Calls back when the reader closes the connection, with the version up to which everything was written to them. */
  whenLeft(call: (version: number) => void) {
    this.onLeft = call
  }

  abstract get kind(): StreamKind
  /** Renders what `write` will write of the event; the entry keeps it. */
  abstract prepare(entry: Entry): void
  /** Cuts the connection. */
  abstract drop(): void
  /** How many bytes were written that the reader has not taken in. */
  protected abstract get waiting(): number
  /** How many bytes the reader has taken in. */
  protected abstract get taken(): number
  /** `written` is called when the bytes have left for the reader, or cannot any more. */
  protected abstract write(batch: Batch, written?: (error?: Error | null) => void): void
  protected abstract writeTold(told: readonly Told[], written: (error?: Error | null) => void): void
  protected abstract writeTyping(typing: Typing): void
  /** Says that the reader's list of chats has changed, if they are a page that may show one. */
  protected writeChats() {}
  /** Writes something that shows no event, so that proxies and the reader know that the connection is alive. */
  protected abstract heartbeat(): void
  /** Writes the last words and ends the response. `retry`: in how many milliseconds to come back. */
  protected abstract writeEnding(reason: Reason, retry: number): void

  /** The connection is closed, or about to be. */
  protected finish() {
    if (!this.ended) {
      this.ended = true
      this.feed?.unfollow(this)
      for (const call of this.onOver) {
        call()
      }
      this.onTaken?.()
      this.onLeft?.(this.delivered)
    }
  }

  protected dropSlow() {
    this.ending = 'slow'
    this.onLeft = undefined
    this.drop()
  }

  private take(batch: Batch): Promise<void> {
    this.delivered = batch.version
    return this.takenIn(written => this.write(batch, written))
  }

  private takenIn(write: (written: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise(resolve => {
      this.onTaken = resolve
      write(error => {
        if (error) {
          this.finish()
        }
        resolve()
      })
    })
  }
}
