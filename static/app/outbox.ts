import type { Waiting } from './queue.ts'
import { isVolatile, namesFrom, recall, remember } from './storage.ts'

/** The name of everything that waits begins so. */
export const WAITING = 'waits of '

/** One user's messages that wait in one chat. All pages of the chat in this browser share them. */
export interface Outbox {
  /** The oldest first, in the same order for all pages. */
  all(): Waiting[]
  /** Adds it, or takes it in the place of the one with its key. */
  put(message: Waiting): void
  drop(key: string): void
  /** Whether some of it is lost when the page is left. */
  readonly isVolatile: boolean
}

/**
 * Each message has a name of its own in what the browser keeps, so that pages can add and take away at the same time. The names are in the
 * order of the messages: until the year 2286 their times have 13 digits.
 */
export function openOutbox(user: string, path: string): Outbox {
  const slot = `${WAITING}${user} in ${path} at `
  const nameOf = ({ at, key }: Waiting) => `${slot}${at} ${key}`

  function all() {
    return namesFrom(slot)
      .sort()
      .flatMap(name => (recall(name) as Waiting | null) ?? [])
  }
  function drop(key: string, except?: string) {
    for (const name of all()
      .filter(message => message.key === key)
      .map(nameOf)) {
      if (name !== except) {
        remember(name, null)
      }
    }
  }
  return {
    all,
    put(message) {
      remember(nameOf(message), message)
      drop(message.key, nameOf(message))
    },
    drop,
    get isVolatile() {
      return isVolatile(slot)
    },
  }
}
