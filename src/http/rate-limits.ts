import { LIMITS, type Rate } from '../config.js'
import { type Refusal, tooMany } from '../errors.js'

/**
 * Counts one use by the subject against a rate limit that each process keeps for itself, and returns what is left: undefined where there are
 * no limits. Throws 429 where the bucket is empty, with the limit's sentence unless the caller has another.
 */
export type LimitRate = (rate: RateName, subject: number | string, sentence?: string) => Allowance | undefined

/** Takes back a use that does not count after all. */
export type ReturnRate = (rate: RateName, subject: number | string) => void

/** What is left of a rate limit after a use: so many more at once, and so many seconds until the bucket is full. */
export interface Allowance extends Rate {
  name: string
  left: number
  fullIn: number
}

/** The fields of RateLimit and RateLimit-Policy for these limits (draft-ietf-httpapi-ratelimit-headers-10). */
export function rateHeaders(allowances: Iterable<Allowance>): Record<string, string> {
  const all = [...allowances]
  return {
    'RateLimit-Policy': all
      .map(({ name, burst, seconds }) => `"${name}";q=${burst};w=${Math.ceil(burst * seconds)}`)
      .join(', '),
    RateLimit: all.map(({ name, left, fullIn }) => `"${name}";r=${left};t=${Math.ceil(fullIn)}`).join(', '),
  }
}

export type RateName = keyof typeof SENTENCES

const SENDING = 'You are sending very fast. Please wait a moment and send again.'
const READING = 'You are reading very much at once. Please wait a moment and try again.'

/** 429 for a limit that all processes share (db/limits.ts), after so many seconds. */
export function overShared(name: SharedName, wait: number, sentence: string): Refusal {
  const { burst, seconds } = LIMITS[name]
  return tooMany(wait, sentence, rateHeaders([{ name, burst, seconds, left: 0, fullIn: wait + seconds * (burst - 1) }]))
}

type SharedName = 'logins' | 'signUps' | 'guests' | 'startingGuests' | 'guestChats'

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
  exports: 'You have exported chats very often. Please wait a little.',
  imports: 'You have imported chats very often. Please wait a little.',
  /** Of what has another limit that counts only successes, or only failures. */
  tries: 'There have been many tries from your address. Please wait a moment and try again.',
  joinTries: 'You are joining very often. Please wait a moment.',
  tickets: 'You are opening very many streams. Please wait a moment.',
  cursorsAhead: 'Please wait a moment and try again.',
  reports: 'Enough reports.',
  repeats: 'You are sending the same again and again. Please wait a moment.',
} satisfies Partial<Record<keyof typeof LIMITS, string>>

/** Several processes share the requests, so each grants its part of the rates. */
export function rateLimiter(limited: boolean, processes: number): { limitRate: LimitRate; returnRate: ReturnRate } {
  const rates = new Map(
    Object.keys(SENTENCES).map(name => {
      const { burst, seconds } = LIMITS[name as RateName]
      const rate = { burst: Math.ceil(burst / processes), seconds: seconds * processes }
      return [name, { ...rate, buckets: buckets(rate) }] as const
    }),
  )
  return {
    limitRate(name, subject, sentence = SENTENCES[name]) {
      const rate = limited ? rates.get(name) : undefined
      if (!rate) {
        return undefined
      }
      const { burst, seconds, buckets } = rate
      const { wait, fullIn } = buckets.take(subject)
      // Times are fractions of seconds: 98.99999 is 99.
      const left = Math.max(0, Math.floor(burst - fullIn / seconds + 1e-6))
      const allowance = { name, burst, seconds, left, fullIn }
      if (wait > 0) {
        throw tooMany(wait, sentence, rateHeaders([allowance]))
      }
      return allowance
    },
    returnRate(name, subject) {
      rates.get(name)?.buckets.giveBack(subject)
    },
  }
}

/**
 * Token buckets, one for each subject. A bucket is stored as the time when it will be full again (the generic cell rate algorithm,
 * ITU-T I.371): that is one number, and a full bucket needs none.
 */
interface Buckets {
  /** Counts one use, unless the bucket is empty: `wait` is the seconds until it is not, else 0. `fullIn`: those until it is full. */
  take(subject: number | string): { wait: number; fullIn: number }
  giveBack(subject: number | string): void
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
        return { wait, fullIn: due - at }
      }
      fullAt.set(subject, due + seconds)
      return { wait: 0, fullIn: due + seconds - at }
    },
    giveBack(subject) {
      const due = fullAt.get(subject)
      if (due !== undefined) {
        fullAt.set(subject, due - seconds)
      }
    },
  }
}
