import { LIMITS, type Rate } from '../config.js'
import { tooMany } from '../errors.js'

/** Counts one use by the subject against a rate limit that each process keeps for itself. Throws 429 with the sentence where the bucket is empty. */
export type LimitRate = (rate: keyof typeof RATES, subject: number | string, sentence: string) => void

const {
  posts,
  changes,
  guestPosts,
  chats,
  joins,
  reads,
  frames,
  typing,
  renames,
  searches,
  lists,
  addressLists,
  tries,
  cursorsAhead,
  reports,
} = LIMITS
const RATES = {
  posts,
  changes,
  guestPosts,
  chats,
  joins,
  reads,
  frames,
  typing,
  tries,
  renames,
  searches,
  lists,
  addressLists,
  cursorsAhead,
  reports,
}

/** Each of `processes` that share the requests grants its part of the rates. */
export function rateLimiter(limited: boolean, processes: number): LimitRate {
  const rates = new Map(
    Object.entries(RATES).map(([name, { burst, seconds }]) => [
      name,
      buckets({ burst: Math.ceil(burst / processes), seconds: seconds * processes }),
    ]),
  )
  return (rate, subject, sentence) => {
    const wait = limited ? (rates.get(rate)?.take(subject) ?? 0) : 0
    if (wait > 0) {
      throw tooMany(wait, sentence)
    }
  }
}

/**
 * Token buckets of one process, one for each subject, kept as the moment when the bucket will be full again (the generic
 * cell rate algorithm, ITU-T I.371): one number each, and a full bucket needs none.
 */
interface Buckets {
  /** Counts one use. Returns 0, or the seconds to wait where the bucket is empty. */
  take(subject: number | string): number
}

function buckets({ burst, seconds }: Rate): Buckets {
  const now = () => performance.now() / 1000
  const fullAt = new Map<number | string, number>()
  let swept = now()
  return {
    take(subject) {
      const at = now()
      if (at - swept > 60) {
        for (const [key, due] of fullAt) {
          if (due <= at) fullAt.delete(key)
        }
        swept = at
      }
      const due = Math.max(fullAt.get(subject) ?? 0, at)
      const wait = due - at - seconds * (burst - 1)
      if (wait > 0) {
        return wait
      }
      fullAt.set(subject, due + seconds)
      return 0
    },
  }
}
