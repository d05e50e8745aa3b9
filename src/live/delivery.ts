import { setTimeout as wait } from 'node:timers/promises'
import { inSlice } from '../slices.js'
import { Batch } from './batch.js'
import type { Entry } from './entry.js'
import { Typing, type Typist } from './typing.js'
import type { Window } from './window.js'

/** The first event is delivered at once; those that come within so many milliseconds after it are delivered together. */
const TICK = 5

/** Between two looks whether the other streams have what one that has caught up has already, in milliseconds. */
const TRY_EVERY = 50

/**
 * Why a stream ends. With all reasons but `restart` its reader may not read on. restart: its reader may come back at once, but this
 * process or its feed does not go on, or cannot make sure that they may read.
 */
export type Reason = 'left' | 'removed' | 'signed_out' | 'deleted' | 'restart'

/** Stands for a reader who is no user, of a chat that everybody may read. No user has this id. */
export const ANYONE = 0

/** A stream, as the feed sees it. */
export interface Follower {
  readonly user_id: number
  /** Renders what `deliver` will write of the event; the entry keeps it. */
  prepare(entry: Entry): void
  deliver(batch: Batch): void
  /** Shows that a member is typing, if nothing else waits to be written. It can be lost. */
  deliverTyping(typing: Typing): void
  /** Tells the reader why, and ends the stream. */
  end(reason: Reason): void
  /** Cuts the connection. */
  drop(): void
}

export interface DeliveryCallbacks {
  /** Whether the database has confirmed lately that the readers may read. Until then what is new waits for `deliver`. */
  mayDeliver(): boolean
  onFailure(error: unknown): void
  /** A message that was posted at that time was written to all who follow its chat. */
  delivered(posted: Date): void
}

/** Brings one chat's new events to the streams that follow it. */
export class Delivery {
  /** Every stream of the chat, and those that have caught up with the window. */
  private readonly all = new Set<Follower>()
  private readonly caughtUp = new Set<Follower>()
  /** The version up to which everything was delivered to the streams that have caught up. */
  version: number
  private timer: NodeJS.Timeout | undefined
  private readonly window: Window
  private readonly callbacks: DeliveryCallbacks

  constructor(window: Window, callbacks: DeliveryCallbacks) {
    this.version = window.version
    this.window = window
    this.callbacks = callbacks
  }

  get isEmpty() {
    return this.all.size === 0
  }

  /** Whether all that is in the window was delivered. */
  get isDone() {
    return this.version === this.window.version
  }

  add(follower: Follower) {
    this.all.add(follower)
  }

  remove(follower: Follower) {
    this.all.delete(follower)
    this.caughtUp.delete(follower)
  }

  /**
   * Brings a stream from `cursor` to the end of the window, batch by batch, and delivers to it from then on. Nothing can come
   * between the two, as nothing is awaited there. `take` resolves when the reader has taken a batch in. Resolves once the stream
   * has caught up or is over.
   */
  async bringUp(
    follower: Follower,
    cursor: number,
    take: (batch: Batch) => Promise<void>,
    read: (after: number) => Promise<Batch>,
  ) {
    while (this.all.has(follower)) {
      this.deliver()
      if (cursor < this.window.version) {
        const batch = await read(cursor)
        for (const entry of batch.entries) {
          await inSlice()
          follower.prepare(entry)
        }
        if (this.all.has(follower)) {
          await take(batch)
        }
        cursor = batch.version
      } else if (this.isDone) {
        this.caughtUp.add(follower)
        return
      } else {
        // The others wait until the database confirms that their readers may read. This one has read it already.
        await wait(TRY_EVERY)
      }
    }
  }

  /** Delivers what is new, if that is allowed now. */
  deliver() {
    if (this.isDone || !this.callbacks.mayDeliver()) {
      return
    }
    this.version = this.caughtUp.size > 0 ? this.deliverNext() : this.window.version
    this.window.trim(this.version)
    if (!this.isDone) {
      this.deliverLater()
    }
  }

  /** Delivers now, or together with others at the end of the tick. */
  deliverSoon() {
    if (!this.timer) {
      this.deliver()
      this.deliverLater()
    }
  }

  /** Says that a member is typing, unless what they typed has come meanwhile. */
  deliverTyping(typist: Typist) {
    const { user_id, after } = typist
    const since = this.window.after(Math.min(after, this.window.version)) ?? []
    const isOver = since.some(({ event }) => event.kind === 'message' && event.author_id === user_id)
    if (isOver || !this.callbacks.mayDeliver()) {
      return
    }
    const typing = new Typing(typist)
    for (const follower of this.caughtUp) {
      if (follower.user_id !== user_id) {
        follower.deliverTyping(typing)
      }
    }
  }

  end(reason: Reason) {
    for (const follower of this.all) {
      follower.end(reason)
    }
  }

  /** Ends the streams of one user. */
  endOf(user_id: number, reason: Reason) {
    for (const follower of this.all) {
      if (follower.user_id === user_id) {
        follower.end(reason)
      }
    }
  }

  private deliverNext(): number {
    const batch = new Batch(this.window.after(this.version) ?? [])
    for (const follower of this.caughtUp) {
      try {
        follower.deliver(batch)
      } catch (error) {
        // An error of one stream must not end the others.
        this.callbacks.onFailure(error)
        follower.drop()
      }
    }
    for (const { event } of batch.entries) {
      if (event.kind === 'message') {
        this.callbacks.delivered(event.created_at)
      }
    }
    return batch.entries.at(-1)?.version ?? this.window.version
  }

  private deliverLater() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      if (!this.isDone) {
        this.deliverSoon()
      }
    }, TICK)
  }
}
