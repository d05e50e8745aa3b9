import type { Db } from '../db/schema.js'
import { type KnownVersion, movedVersions } from '../db/versions.js'
import { within } from '../deadline.js'

/** Between the beginnings of two sweeps, in milliseconds. */
const EVERY = 1000

/** How long what the database said holds for those who ask, in milliseconds. */
const HOLDS_FOR = 1500

/** How long streams go on delivering after it, and how long they are kept waiting then, in milliseconds. */
const DELIVERS_FOR = 2000
const WAITS_FOR = 5000

/** How long one sweep may take, in milliseconds, and how many may be without an answer. */
const WITHIN = 1500
const UNANSWERED = 3

/** Something in memory that goes by the versions of chats or of users. */
export interface Swept {
  /** What is in memory now, by the version that is known of it. */
  versions(): KnownVersion[]
  /** It is at that version and not at the known one; null: it is gone. Resolves when nobody is told more than they may know. */
  moved(id: number, version: number | null, known: number): void | Promise<void>
}

/** When something was asked of the database, and when the answer came into memory, in `performance.now()`'s time. */
export interface Known {
  readonly askedAt: number
  readonly knownAt: number
}

/**
 * Asks the database about once a second, in one statement, which of the chats and users in memory have moved on. Hints from
 * the bus only make it sooner: each may be lost and nothing else changes. While nothing is in memory it asks nothing.
 */
export class Sweep {
  /** When the last sweep that succeeded began. */
  private begunAt = performance.now()
  /** When the first one after it began. */
  private triedAt = 0
  private underWay: Promise<void> | undefined
  private unanswered = 0
  private timer: NodeJS.Timeout | undefined
  private readonly db: Db
  private readonly chats: Swept
  private readonly users: Swept
  private readonly onConfirmed: () => void

  /** `onConfirmed` hears of each sweep that succeeded. */
  constructor(db: Db, chats: Swept, users: Swept, onConfirmed: () => void) {
    this.db = db
    this.chats = chats
    this.users = users
    this.onConfirmed = onConfirmed
  }

  /**
   * Sweeps from now on. `onFailure` hears of each sweep that failed; `onSilence`, each second, that the database has confirmed
   * nothing for 5 s.
   */
  start(onFailure: (error: unknown) => void, onSilence: () => void) {
    this.timer = setInterval(() => {
      this.now().catch(onFailure)
      // After what has arrived meanwhile: a program that was held up is no sign that the database is silent.
      setImmediate(() => {
        if (performance.now() - Math.max(this.begunAt, this.triedAt) > WAITS_FOR) {
          onSilence()
        }
      })
    }, EVERY)
  }

  stop() {
    clearInterval(this.timer)
  }

  /** Whether it may be answered from memory: the database has said so, or has said nothing against it, a moment ago. */
  holds({ askedAt, knownAt }: Known): boolean {
    // A sweep asks after what was in memory when it began.
    const confirmedAt = knownAt <= this.begunAt ? this.begunAt : askedAt
    return performance.now() - confirmedAt < HOLDS_FOR
  }

  /** Whether readers may be told what is new: they were confirmed as readers within the last 2 s. */
  get delivers(): boolean {
    return performance.now() - this.begunAt < DELIVERS_FOR
  }

  /** Asks the database now. What is in memory after it is true. Throws where the database cannot be asked. */
  async confirm() {
    const since = performance.now()
    while (this.begunAt < since) {
      await this.now()
    }
  }

  /** One sweep; those who ask for one at the same time share it. Throws the database's error, also where it is silent. */
  now(): Promise<void> {
    this.underWay ??= this.inTime().finally(() => {
      this.underWay = undefined
    })
    return this.underWay
  }

  private async inTime() {
    // A silent database holds up no more than a few connections.
    if (this.unanswered >= UNANSWERED) {
      throw new Error('timeout exceeded: too many sweeps without an answer')
    }
    this.unanswered++
    const sweep = this.sweep().finally(() => {
      this.unanswered--
    })
    await within(WITHIN, sweep)
  }

  private async sweep() {
    const begunAt = performance.now()
    this.triedAt = this.begunAt < this.triedAt ? this.triedAt : begunAt
    const [chats, users] = [this.chats.versions(), this.users.versions()]
    const moved = chats.length + users.length > 0 ? await movedVersions(this.db, { chats, users }) : []
    await Promise.all(
      moved.map(({ what, id, version, known }) =>
        (what === 'chat' ? this.chats : this.users).moved(id, version, known),
      ),
    )
    this.begunAt = Math.max(this.begunAt, begunAt)
    this.onConfirmed()
  }
}
