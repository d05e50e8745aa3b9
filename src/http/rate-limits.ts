import { LIMITS, type Rate } from '../config.js'
import { tooMany } from '../errors.js'

/**
 * Counts one use by the subject against a rate limit that each process keeps for itself. Throws 429 where the bucket is empty, with
 * the limit's sentence unless the caller has another.
 */
export type LimitRate = (rate: RateName, subject: number | string, sentence?: string) => void

export type RateName = keyof typeof SENTENCES

const SENDING = 'You are sending very fast. Please wait a moment and send again.'
const READING = 'You are reading very much at once. Please wait a moment and try again.'

/** What is said to those who are over a rate limit. */
const SENTENCES = {
  posts: SENDING,
  guestPosts: SENDING,
  changes: 'You are changing much at once. Please wait a moment.',
  chats: 'You have started many chats. Please wait a little.',
  joins: 'You have joined many chats. Please wait a little.',
  reads: 'You are reading very fast. Please wait a moment.',
  frames: 'Enough frames.',
  typing: 'You say very often that you are typing. Once in 3 s is enough.',
  renames: 'You have changed your name a few times. Please wait some minutes.',
  searches: 'You are searching very often. Please wait a moment.',
  lists: READING,
  addressLists: READING,
  /** Of what has another limit that counts only successes, or only failures. */
  tries: 'There have been many tries from your address. Please wait a moment and try again.',
  joinTries: 'You are joining very often. Please wait a moment.',
  cursorsAhead: 'Please wait a moment and try again.',
  reports: 'Enough reports.',
} satisfies Partial<Record<keyof typeof LIMITS, string>>

/** Several processes share the requests, so each grants its part of the rates. */
export function rateLimiter(limited: boolean, processes: number): LimitRate {
  const rates = new Map(
    Object.keys(SENTENCES).map(name => {
      const { burst, seconds } = LIMITS[name as RateName]
      return [name, buckets({ burst: Math.ceil(burst / processes), seconds: seconds * processes })]
    }),
  )
  return (rate, subject, sentence = SENTENCES[rate]) => {
    const wait = limited ? (rates.get(rate)?.take(subject) ?? 0) : 0
    if (wait > 0) {
      throw tooMany(wait, sentence)
    }
  }
}

/**
 * Token buckets, one for each subject. A bucket is stored as the time when it will be full again (the generic cell rate algorithm,
 * ITU-T I.371): that is one number, and a full bucket needs none.
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
