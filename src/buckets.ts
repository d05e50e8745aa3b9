import { LIMITS, type Rate } from './config.js'
import { tooMany } from './errors.js'

/** Takes a turn of a rate that each process counts for itself. Throws 429 with the sentence where the subject has none left. */
export type TakeTurn = (rate: keyof typeof RATES, subject: number | string, sentence: string) => void

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

/** Of `processes` that share what comes, each grants its part of the rates. */
export function turnTaker(limited: boolean, processes: number): TakeTurn {
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
  /** Takes one turn. Returns 0, or the seconds to wait where none is left. */
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
