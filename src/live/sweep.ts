import type { Db } from '../db/schema.js'
import { type KnownVersion, type Moved, movedVersions, type Watcher } from '../db/versions.js'
import { within } from '../deadline.js'

/** Between the beginnings of two sweeps, in milliseconds. */
const EVERY = 1000

/** How long requests are answered from memory after the database has confirmed it, in milliseconds. */
const FRESH_FOR = 1500

/** How long after that streams still get what is new, and after how long they are ended, in milliseconds. */
const DELIVERS_FOR = 2000
const ENDS_AFTER = 5000

/** How long one sweep may take, in milliseconds, and how many may wait for an answer at once. */
const WITHIN = 1500
const UNANSWERED = 3

/** What is in memory of chats, or of users. */
export interface Swept {
  /** What is in memory now, each with its known version. */
  versions(): KnownVersion[]
  /**
   * It is at `version` (null: it is gone) and not at the known one. Resolves once every stream that this change ends has been ended.
   */
  moved(id: number, version: number | null, known: number): void | Promise<void>
}

/** Whose chats are watched, all of them. */
interface Watched {
  watchers(): Watcher[]
  /** The user has come to a chat, or is no longer in one. */
  changed(user_id: number): void
  /** The sweep that asked for them has succeeded: it began at `begunAt`, and saw that epoch of the database. */
  confirmed(asked: readonly Watcher[], begunAt: number, epoch: number): void
}

/** When the database was asked for something that is in memory, and when the answer came into memory, in `performance.now()`'s time. */
export interface Cached {
  readonly askedAt: number
  readonly cachedAt: number
}

/**
 * Asks the database once a second, in one statement, which of the chats and users in memory have another version by now. Hints on
 * the bus only make that known sooner: if one is lost, the next sweep finds the same. While nothing is in memory nothing is asked.
 */
export class Sweep {
  /** When the last sweep that succeeded began. What was in memory then is confirmed as of that time. */
  private begunAt = performance.now()
  /** When the first sweep after that one began. */
  private triedAt = 0
  private underWay: Promise<void> | undefined
  private unanswered = 0
  private timer: NodeJS.Timeout | undefined
  private readonly db: Db
  private readonly chats: Swept
  private readonly users: Swept
  private readonly watched: Watched
  private readonly onConfirmed: () => void

  /** `onConfirmed` is called after each sweep that succeeded. */
  constructor(db: Db, chats: Swept, users: Swept, watched: Watched, onConfirmed: () => void) {
    this.db = db
    this.chats = chats
    this.users = users
    this.watched = watched
    this.onConfirmed = onConfirmed
  }

  /**
   * Sweeps from now on. `onFailure` is called after each sweep that failed; `onSilence` each second in which the database has not
   * confirmed anything for 5 s.
   */
  start(onFailure: (error: unknown) => void, onSilence: () => void) {
    this.timer = setInterval(() => {
      this.now().catch(onFailure)
      // Answers that have arrived come first: if the program itself was held up, the database need not be silent.
      setImmediate(() => {
        if (performance.now() - Math.max(this.begunAt, this.triedAt) > ENDS_AFTER) {
          onSilence()
        }
      })
    }, EVERY)
  }

  stop() {
    clearInterval(this.timer)
  }

  /** Whether the cached value is fresh: read from the database, or confirmed by a sweep, less than FRESH_FOR ms ago. */
  isFresh({ askedAt, cachedAt }: Cached): boolean {
    // A sweep asks only for what was in memory when it began.
    const confirmedAt = cachedAt <= this.begunAt ? this.begunAt : askedAt
    return performance.now() - confirmedAt < FRESH_FOR
  }

  /** How long ago the last sweep that succeeded began, in seconds. */
  get age(): number {
    return (performance.now() - this.begunAt) / 1000
  }

  /** Whether streams may get what is new: the last 2 s have confirmed that their readers may read. */
  get mayDeliver(): boolean {
    return performance.now() - this.begunAt < DELIVERS_FOR
  }

  /** Asks the database now. What is still in memory after it is fresh. Throws the database's error. */
  async confirm() {
    const since = performance.now()
    while (this.begunAt < since) {
      await this.now()
    }
  }

  /** Sweeps once; calls at the same time share a sweep. Throws the database's error, and one where it is silent. */
  now(): Promise<void> {
    this.underWay ??= this.inTime().finally(() => {
      this.underWay = undefined
    })
    return this.underWay
  }

  private async inTime() {
    // A silent database must not hold more than a few connections.
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
    const asked = { chats: this.chats.versions(), users: this.users.versions(), watchers: this.watched.watchers() }
    if (Object.values(asked).some(({ length }) => length > 0)) {
      const { moved, epoch } = await movedVersions(this.db, asked)
      await Promise.all(moved.map(one => this.tell(one)))
      this.watched.confirmed(asked.watchers, begunAt, epoch)
    }
    this.begunAt = Math.max(this.begunAt, begunAt)
    this.onConfirmed()
  }

  private tell({ what, id, version, known }: Moved): void | Promise<void> {
    switch (what) {
      case 'chat':
        return this.chats.moved(id, version, known)
      case 'user':
        return this.users.moved(id, version, known)
      case 'watcher':
        return this.watched.changed(id)
    }
  }
}

/** Each id once, with the earliest of its versions. */
export function earliest(known: readonly KnownVersion[]): KnownVersion[] {
  const versions = new Map<number, number>()
  for (const { id, version } of known) {
    versions.set(id, Math.min(version, versions.get(id) ?? version))
  }
  return [...versions].map(([id, version]) => ({ id, version }))
}
