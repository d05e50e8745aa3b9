import { chatsToWatch } from '../db/all-chats.js'
import type { Db } from '../db/schema.js'
import type { KnownVersion, Watcher } from '../db/versions.js'
import type { Swept } from './sweep.js'
import { Watch } from './watch.js'

/** A user all of whose chats are watched, for one stream or more. */
interface WatchedUser {
  /** A snapshot of the database that saw how the user came to these chats. */
  seen: string
  chats: readonly number[]
  watches: Set<Watch>
  loading: Promise<void>
}

interface WatchedChat {
  /** As the last sweep or the user's list had it: if a sweep finds another, its watchers are told. */
  version: number
  /** The highest version that a hint has told of since the last sweep: its watchers know that already. */
  hinted: number
  users: Set<number>
}

/**
 * The chats of users who follow all of theirs by this process. What happens is read from the database, for each reader alone; here it is only
 * found out that something has happened, by the same hints and the same sweep by which feeds find it out. So who waits costs no statement.
 */
export class WatchedChats implements Swept {
  private readonly users = new Map<number, WatchedUser>()
  private readonly chats = new Map<number, WatchedChat>()
  /** Those who were told something since the sweep that is under way began. */
  private told = new Set<number>()
  private epoch: number | undefined
  private readonly db: Db
  private readonly onFailure: (error: unknown) => void

  constructor(db: Db, onFailure: (error: unknown) => void) {
    this.db = db
    this.onFailure = onFailure
  }

  /** How many readers there are. */
  get size() {
    return [...this.users.values()].reduce((sum, { watches }) => sum + watches.size, 0)
  }

  /** Watches the user's chats until the watch is closed. Resolves once they are known. Throws the database's error. */
  async watch(user_id: number): Promise<Watch> {
    const known = this.users.get(user_id)
    const user = known ?? { seen: '', chats: [], watches: new Set<Watch>(), loading: Promise.resolve() }
    const watch = new Watch(() => this.unwatch(user_id, watch))
    user.watches.add(watch)
    if (!known) {
      this.users.set(user_id, user)
      user.loading = this.load(user_id, user)
    }
    await user.loading.catch(error => {
      watch.close()
      throw error
    })
    return watch
  }

  versions(): KnownVersion[] {
    this.told = new Set()
    return [...this.chats].map(([id, { version }]) => ({ id, version }))
  }

  moved(chat_id: number, version: number | null) {
    const chat = this.chats.get(chat_id)
    if (chat && chat.version !== version) {
      if (chat.hinted !== version) {
        this.tell(chat)
      }
      for (const user_id of chat.users) {
        this.told.add(user_id)
      }
      chat.version = version ?? 0
      chat.hinted = 0
    }
  }

  /** A hint says that the chat is at that version. It may be wrong. */
  reached(chat_id: number, version: number) {
    const chat = this.chats.get(chat_id)
    if (chat && version > Math.max(chat.version, chat.hinted)) {
      chat.hinted = version
      this.tell(chat)
    }
  }

  /** Those to ask a sweep for: who have come to a chat, or are no longer in one. */
  watchers(): Watcher[] {
    return [...this.users].flatMap(([user_id, { seen }]) => (seen ? [{ user_id, seen }] : []))
  }

  /** The user has other chats than those that are known here. */
  changed(user_id: number) {
    const user = this.users.get(user_id)
    if (user) {
      this.told.add(user_id)
      const loading = user.loading.then(() => this.load(user_id, user))
      // Where it fails, what was known stays, and the next sweep finds the change again.
      user.loading = loading.catch(() => {})
      loading.then(() => wake(user), this.onFailure)
    }
  }

  /** A sweep that began at `begunAt` has succeeded. Who was asked for in it, and was told nothing since, lacks nothing that it saw. */
  confirmed(asked: readonly Watcher[], begunAt: number, epoch: number) {
    if (this.epoch !== undefined && this.epoch !== epoch) {
      // The cursors of all are gone: their next reading says so.
      this.users.forEach(wake)
    }
    this.epoch = epoch
    for (const { user_id, seen: before } of asked) {
      const user = this.users.get(user_id)
      if (user?.seen === before && !this.told.has(user_id)) {
        for (const watch of user.watches) {
          watch.confirmed(begunAt)
        }
      }
    }
  }

  private tell(chat: WatchedChat) {
    for (const user_id of chat.users) {
      const user = this.users.get(user_id)
      if (user) {
        this.told.add(user_id)
        wake(user)
      }
    }
  }

  private async load(user_id: number, user: WatchedUser) {
    const { seen, chats } = await chatsToWatch(this.db, user_id)
    if (this.users.get(user_id) === user) {
      const before = user.chats
      user.seen = seen
      user.chats = chats.map(({ id }) => id)
      for (const { id, version } of chats) {
        const chat = this.chats.get(id) ?? { version, hinted: 0, users: new Set() }
        this.chats.set(id, chat)
        chat.users.add(user_id)
      }
      const kept = new Set(user.chats)
      this.leave(
        user_id,
        before.filter(id => !kept.has(id)),
      )
    }
  }

  private unwatch(user_id: number, watch: Watch) {
    const user = this.users.get(user_id)
    if (user?.watches.delete(watch) && user.watches.size === 0) {
      this.users.delete(user_id)
      this.leave(user_id, user.chats)
    }
  }

  private leave(user_id: number, chats: readonly number[]) {
    for (const id of chats) {
      const users = this.chats.get(id)?.users
      users?.delete(user_id)
      if (users?.size === 0) {
        this.chats.delete(id)
      }
    }
  }
}

function wake({ watches }: WatchedUser) {
  for (const watch of watches) {
    watch.wake()
  }
}
