import type { Entry } from './entry.js'
import type { Batch, Feed, Follower, Reason, Typing } from './feed.js'
import type { Credential } from './identities.js'

/** A reader who does not take in what was written to them is dropped beyond so many bytes, or after so many milliseconds. */
export const BYTES_WAITING = 256 * 1024
const STALLED_FOR = 10_000

/** Between two signs of life, in milliseconds: shorter than the 30 s after which the most impatient proxies give up. */
const BEAT_EVERY = 20_000

/** Who was sent away and takes in nothing of it is cut off after so many milliseconds. */
const GOODBYE = 5_000

/** Whom a stream is for. */
export interface Reader {
  user_id: number
  /** At which the credential was found to be good. */
  user_version: number
  /** When the credential ends by itself, in `performance.now()`'s time. */
  endsAt: number
  credential: Credential
  address: string
}

/**
 * One reader's open response: what is new in a chat, as it happens. A kind of stream says how it is written; what it writes goes
 * into the same buffer for all readers of a kind.
 */
export abstract class Stream implements Follower {
  readonly reader: Reader
  readonly feed: Feed
  ended = false
  private onOver: (() => void) | undefined
  private onTaken: (() => void) | undefined
  private onLeft: ((version: number) => void) | undefined
  private delivered = 0
  private beatAt = performance.now() + BEAT_EVERY * (0.5 + Math.random() / 2)
  private stalledAt: number | undefined
  private owed = 0

  constructor(reader: Reader, feed: Feed) {
    this.reader = reader
    this.feed = feed
  }

  get user_id() {
    return this.reader.user_id
  }

  /** Writes everything after `after`, then what happens. Resolves when the reader has caught up, or has gone. Throws the database's error. */
  async begin(after: number) {
    this.delivered = Math.max(this.delivered, after)
    await this.feed.follow(this, after, batch => this.take(batch))
    if (!this.ended) {
      this.beat()
    }
  }

  deliver(batch: Batch) {
    // Before writing: what has just been written waits for the end of this turn at least.
    if (this.waiting > BYTES_WAITING) {
      this.onLeft = undefined
      this.drop()
    } else {
      this.write(batch)
      this.delivered = batch.version
    }
  }

  tell(typing: Typing) {
    if (!this.ended && this.waiting === 0) {
      this.writeTyping(typing)
    }
  }

  /** Says why, and ends. */
  end(reason: Reason) {
    if (!this.ended) {
      this.onLeft = undefined
      this.sayGoodbye(reason, 1000 + Math.round(Math.random() * 7000))
      setTimeout(() => this.drop(), GOODBYE).unref()
      this.over()
    }
  }

  /** About once a second: a sign of life when it is due; drops a reader who takes in nothing. */
  look(now: number) {
    if (this.waiting === 0) {
      this.stalledAt = undefined
    } else if (this.stalledAt === undefined || this.flushed >= this.owed) {
      this.stalledAt = now
      this.owed = this.flushed + this.waiting
    } else if (now - this.stalledAt > STALLED_FOR) {
      this.onLeft = undefined
      this.drop()
      return
    }
    if (now > this.reader.endsAt) {
      // Unless it was used meanwhile: whoever may read on comes back.
      this.end('restart')
    } else if (now > this.beatAt && this.waiting === 0) {
      this.beatAt = now + BEAT_EVERY
      this.beat()
    }
  }

  /** Calls once when the stream is over, whoever ended it. */
  whenOver(call: () => void) {
    if (this.ended) {
      call()
    } else {
      this.onOver = call
    }
  }

  /** Calls where the reader goes by themselves, with the version up to which they were told what happened. */
  whenLeft(call: (version: number) => void) {
    this.onLeft = call
  }

  /** Makes what `write` will write of the event, which keeps it. */
  abstract prepare(entry: Entry): void
  /** Cuts the connection. */
  abstract drop(): void
  /** Bytes that the reader has not taken in. */
  protected abstract get waiting(): number
  /** Bytes that the reader has taken in. */
  protected abstract get flushed(): number
  /** `written` hears when it has left for the reader, or cannot any more. */
  protected abstract write(batch: Batch, written?: (error?: Error | null) => void): void
  protected abstract writeTyping(typing: Typing): void
  protected abstract beat(): void
  /** The last words, and the end. `retry`: in how many milliseconds to come back. */
  protected abstract sayGoodbye(reason: Reason, retry: number): void

  /** The connection is over. */
  protected over() {
    if (!this.ended) {
      this.ended = true
      this.feed.unfollow(this)
      this.onOver?.()
      this.onTaken?.()
      this.onLeft?.(this.delivered)
    }
  }

  private take(batch: Batch): Promise<void> {
    return new Promise(resolve => {
      this.onTaken = resolve
      this.delivered = batch.version
      this.write(batch, error => {
        if (error) {
          this.over()
        }
        resolve()
      })
    })
  }
}
