import type { Batch, Feed, Follower } from './feed.js'
import type { Credential } from './identities.js'

/** A reader who does not take in what was written to them is dropped beyond so many bytes, or after so many milliseconds. */
const BYTES_WAITING = 256 * 1024
const STALLED_FOR = 10_000

/** A page of a replay waits until there are no more than so many bytes of the one before. */
const LOW_WATER = 16 * 1024

/** Between two signs of life, in milliseconds: shorter than the 30 s after which the most impatient proxies give up. */
const BEAT_EVERY = 20_000

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

/** Why a stream ends: its reader may not read on, or the program (or what it knows of the chat) does not go on. */
export type Reason = 'gone' | 'restart'

/**
 * One reader's open response: what is new in a chat, as it happens. A kind of stream says how it is written; what it writes goes
 * into the same buffer for all readers of a kind.
 */
export abstract class Stream implements Follower {
  readonly reader: Reader
  readonly feed: Feed
  ended = false
  private onEnd: (() => void)[] = []
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
    await this.feed.follow(this, after, async batch => {
      this.write(batch)
      await this.drained()
      return !this.ended
    })
    if (!this.ended) {
      this.beat()
    }
  }

  deliver(batch: Batch) {
    this.write(batch)
    if (this.waiting > BYTES_WAITING) {
      this.drop()
    }
  }

  leave() {
    this.end('gone')
  }

  /** About once a second: a sign of life when it is due; drops a reader who takes in nothing. */
  look(now: number) {
    if (this.waiting === 0) {
      this.stalledAt = undefined
    } else if (this.stalledAt === undefined || this.flushed >= this.owed) {
      this.stalledAt = now
      this.owed = this.flushed + this.waiting
    } else if (now - this.stalledAt > STALLED_FOR) {
      this.drop()
      return
    }
    if (now > this.reader.endsAt) {
      // Unless it was used meanwhile: whoever may read on comes back.
      this.end('restart')
      return
    }
    if (now > this.beatAt && this.waiting === 0) {
      this.beatAt = now + BEAT_EVERY
      this.beat()
    }
  }

  /** Calls when the stream is over, whoever ended it. */
  whenOver(call: () => void) {
    if (this.ended) {
      call()
    } else {
      this.onEnd.push(call)
    }
  }

  /** Says why, and ends. */
  abstract end(reason: Reason): void
  /** Cuts the connection. */
  abstract drop(): void
  /** Bytes that the reader has not taken in. */
  protected abstract get waiting(): number
  /** Bytes that the reader has taken in. */
  protected abstract get flushed(): number
  protected abstract write(batch: Batch): void
  protected abstract beat(): void
  /** Calls once when some of what waits has been taken in. */
  protected abstract onceDrained(call: () => void): void

  /** The connection is over. */
  protected over() {
    if (!this.ended) {
      this.ended = true
      this.feed.unfollow(this)
    }
    for (const call of this.onEnd.splice(0)) {
      call()
    }
  }

  private async drained() {
    while (!this.ended && this.waiting > LOW_WATER) {
      await new Promise<void>(resolve => {
        this.onceDrained(resolve)
        this.whenOver(resolve)
      })
    }
  }
}
