/** The rules of what waits to be sent. They need no page, so test/app/queue.test.ts tries them without a browser. */

/** A message that its writer has sent, and that the server has not taken yet. */
export interface Waiting {
  key: string
  text: string
  /** When it was sent, in milliseconds since 1970. */
  at: number
  /** The id of the message that it answers. */
  reply_to?: string
  /** Whether the server has refused it for good. */
  refused?: boolean
}

/** The age from which a message does not go by itself, in milliseconds: its writer may not mean it any more. */
const TOO_OLD = 3_600_000

/** The longest time between two tries, in milliseconds. */
const LONGEST_PAUSE = 30_000

/** Whether it is sent without its writer asking for it again. */
export function goesByItself({ at, refused }: Waiting, now: number): boolean {
  return !refused && now - at < TOO_OLD
}

/** Of messages in their order. */
export function nextToSend(waiting: readonly Waiting[], now: number): Waiting | undefined {
  return waiting.find(message => goesByItself(message, now))
}

/** The time of a message that is sent now: behind all that wait, also where the clock was set back. */
export function timeAfter(waiting: readonly Waiting[], now: number): number {
  return Math.max(now, ...waiting.map(({ at }) => at + 1))
}

/**
 * What became of a message: it is `stored`, or nothing was stored and trying `again` can help, or can not (`refused`). `signed out`: once its
 * writer is back. `stale`: the page's form token is of another session. `gone`: its writer is not in the chat any more.
 */
export type Fate = 'stored' | 'again' | 'refused' | 'signed out' | 'stale' | 'gone'

/**
 * What an answer means. `status`: 0 where none came. `isOurs`: whether the server has written it, and not a proxy or the login page of a
 * network, which know nothing of the message.
 */
export function fateOf({ status, isOurs, isStale }: { status: number; isOurs: boolean; isStale: boolean }): Fate {
  if (!isOurs || status === 0 || status >= 500 || status === 429) {
    return 'again'
  }
  if (status < 400) {
    return 'stored'
  }
  if (status === 403 && isStale) {
    return 'stale'
  }
  return status === 401 ? 'signed out' : status === 404 ? 'gone' : 'refused'
}

/**
 * How long to wait after so many failures in a row, in milliseconds: 1 s, then twice as long each time, up to 30 s. `chance` is a number from
 * 0 to 1, so that those who failed together do not come back together.
 */
export function pauseAfter(failures: number, chance: number): number {
  return Math.min(LONGEST_PAUSE, 1000 * 2 ** (failures - 1) * (1 + chance / 2))
}
