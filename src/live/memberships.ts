import type { Event } from '../db/events.js'
import type { Entry } from './entry.js'

const AT_MOST = 20_000

interface Membership {
  /** The member's name in the chat. */
  name: string
  /** The version of the chat at which the database said so. */
  version: number
  /** How far they have read at least. It moves forward only, so that what is in memory cannot become wrong. */
  read: number
}

/** Those members of one chat who read it by this process. The chat's events keep them right. */
export class Memberships {
  private readonly byUser = new Map<number, Membership>()

  /** The member's name in the chat; undefined where the user is not known to be a member. */
  name(user_id: number): string | undefined {
    return this.byUser.get(user_id)?.name
  }

  /**
   * Keeps what the database said of a member when the chat was at `version`. `since`: the events after it, undefined where they are
   * not in memory. Returns false, and keeps nothing, where it may not be true any more.
   */
  learn(user_id: number, name: string, version: number, since: readonly Entry[] | undefined): boolean {
    if (!since || since.some(({ event }) => event.author_id === user_id && changesMembership(event))) {
      return false
    }
    if (this.byUser.size >= AT_MOST) {
      // Those who come again are read from the database again.
      this.byUser.clear()
    }
    this.byUser.set(user_id, { name, version, read: this.readUpTo(user_id) })
    return true
  }

  /** How far the member has read at least; 0 where nothing is known of it. */
  readUpTo(user_id: number): number {
    return this.byUser.get(user_id)?.read ?? 0
  }

  noteRead(user_id: number, version: number) {
    const membership = this.byUser.get(user_id)
    if (membership) {
      membership.read = Math.max(membership.read, version)
    }
  }

  /** Takes in the chat's next event. Returns how its author's membership has ended by it, if it has. */
  take(event: Event): 'left' | 'removed' | undefined {
    const { author_id, author_name, kind, version } = event
    const membership = this.byUser.get(author_id)
    if (membership && kind === 'named') {
      membership.name = author_name
    }
    // If the membership was read at a later version, the member has come back since.
    if ((kind === 'left' || kind === 'removed') && (membership === undefined || membership.version <= version)) {
      this.byUser.delete(author_id)
      return kind
    }
    return undefined
  }
}

function changesMembership({ kind }: Event): boolean {
  return kind === 'left' || kind === 'removed' || kind === 'named'
}
