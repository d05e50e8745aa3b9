import { Tally } from '../tally.js'
import { gather } from './gather.js'
import { type Outcome, type Post, postMessages } from './messages.js'
import type { Db } from './schema.js'

/** Thrown for a post that came when too many were waiting. It is not stored. */
export class QueueFull extends Error {}

export interface PostQueue {
  /**
   * Posts one message together with those that arrive at the same time. Throws `QueueFull`, or the database's error. If the connection was
   * lost, the message may be stored or not: post it again with the same key.
   */
  post(post: Post): Promise<Outcome>
  /** Resolves once no post waits or is under way. */
  finish(): Promise<void>
  /** What became of all of them. */
  readonly outcomes: Tally<Outcome['outcome'] | 'failed' | 'queue full'>
}

/**
 * Concurrent posts share a call. The posts to a chat whose row is locked go into a lane of their own, where the call waits for the row.
 * Posts to other chats do not wait for it.
 */
export function postQueue(db: Db, { waiting, perCall }: { waiting: number; perCall: number }): PostQueue {
  const share = gather((posts: Post[]) => postMessages(db, posts, { wait: false }), perCall)
  const lanes = new Map<string, Lane>()
  const outcomes: PostQueue['outcomes'] = new Tally()
  let count = 0
  const whenEmpty: (() => void)[] = []

  return {
    outcomes,
    async post(post) {
      if (count >= waiting) {
        outcomes.note('queue full')
        throw new QueueFull('Too many posts are waiting')
      }
      count++
      try {
        const done = lanes.has(post.uri) ? await inLane(post) : await inShare(post)
        outcomes.note(done.outcome)
        return done
      } catch (error) {
        outcomes.note('failed')
        throw error
      } finally {
        count--
        if (count === 0) {
          for (const resolve of whenEmpty.splice(0)) {
            resolve()
          }
        }
      }
    },
    async finish() {
      if (count > 0) {
        await new Promise<void>(resolve => whenEmpty.push(resolve))
      }
    },
  }

  async function inShare(post: Post): Promise<Outcome> {
    const done = await share(post)
    return done.outcome === 'busy' ? inLane(post) : done
  }

  async function inLane(post: Post): Promise<Outcome> {
    const lane = lanes.get(post.uri) ?? openLane()
    lanes.set(post.uri, lane)
    lane.posts++
    try {
      return await lane.post(post)
    } finally {
      lane.posts--
      if (lane.posts === 0) {
        lanes.delete(post.uri)
      }
    }
  }

  function openLane(): Lane {
    return { posts: 0, post: gather(posts => postMessages(db, posts, { wait: true }), perCall) }
  }
}

interface Lane {
  /** How many posts are in it. */
  posts: number
  post: (post: Post) => Promise<Outcome>
}
