import { availableParallelism } from 'node:os'
import { dictionary } from '@zxcvbn-ts/language-common'
import argon2 from 'argon2'
import pLimit from 'p-limit'
import type { FieldCode } from './codes.js'
import { LIMITS } from './config.js'
import { unavailable } from './errors.js'

/** OWASP's and ASVS' second choice: 19 MiB, two passes, one lane. The package's own default takes four lanes. */
const COST = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// Hashing runs in libuv's few threads, beside file reads and name lookups: leave some for those.
const queue = pLimit(Math.max(1, availableParallelism() - 1))

/** A hash of the password in NFKC: keyboards write the same letters in different ways. Throws 503 when too many hashes wait already. */
export function hashPassword(password: string): Promise<string> {
  return queued(() => argon2.hash(password.normalize('NFKC'), COST))
}

/**
 * Whether the password matches the hash. Older hashes are of what was typed, on whichever keyboard. All forms are tried for every hash, so
 * that a wrong password takes as long for each, and without a hash (no such user), where it returns false. Throws 503 as above.
 */
export function passwordFits(hash: string | undefined, password: string): Promise<boolean> {
  return queued(async () => {
    const tried = hash ?? (await nobodysHash)
    for (const form of formsOf(password)) {
      if ((await argon2.verify(tried, form)) && hash !== undefined) {
        return true
      }
    }
    return false
  })
}

/** One of ASCII has a single form, most others have two. */
function formsOf(password: string): Set<string> {
  return new Set([password.normalize('NFKC'), password, password.normalize('NFC'), password.normalize('NFD')])
}

/** Whether the hash was made at another cost than today's, and should be replaced. */
export function hashIsOutdated(hash: string): boolean {
  return argon2.needsRehash(hash, COST)
}

/** What is wrong with a new password, in the original's words; the rules are Django's four validators, for what is hashed. */
export function passwordFaults(typed: string, about: { username: string; email: string }): PasswordFault[] {
  const password = typed.normalize('NFKC')
  const faults: PasswordFault[] = []
  for (const [field, value] of Object.entries(about)) {
    if (tooAlike(password, value)) {
      faults.push(['too_similar', `The password is too similar to the ${field}.`])
    }
  }
  // Of what was typed too: a single character may become eighteen.
  if (Math.min([...typed].length, [...password].length) < 8) {
    faults.push(['too_short', 'This password is too short. It must contain at least 8 characters.'])
  }
  if (COMMON.has(password.toLowerCase())) {
    faults.push(['too_common', 'This password is too common.'])
  }
  if (/^\p{Nd}+$/u.test(password)) {
    faults.push(['only_digits', 'This password is entirely numeric.'])
  }
  return faults
}

type PasswordFault = readonly [code: FieldCode, sentence: string]

const COMMON = new Set(dictionary['passwords-common'])

const nobodysHash = argon2.hash('a password that nobody has', COST)

function queued<T>(work: () => Promise<T>): Promise<T> {
  if (queue.pendingCount >= LIMITS.waitingHashes) {
    throw unavailable(
      'too_many_passwords',
      'Too many people are signing in at this moment. Please try again in a few seconds.',
    )
  }
  return queue(work)
}

/**
 * Django's UserAttributeSimilarityValidator: whether the share of characters in common with the value or a part of it, in any order, is
 * 0.7 or more (difflib's quick_ratio). Parts that are too short or too long for that are skipped, so that the work grows only with the
 * length of password and value.
 */
function tooAlike(password: string, value: string): boolean {
  const typed = password.toLowerCase()
  const whole = value.toLowerCase()
  return [whole, ...whole.split(/[^\p{L}\p{N}_]+/u)].some(part => part !== '' && likeness(typed, part) >= 0.7)
}

function likeness(a: string, b: string): number {
  // In UTF-16, where a character is one or two.
  if (2 * Math.min(a.length, b.length) < 0.35 * (a.length + b.length)) {
    return 0
  }
  const left = new Map<string, number>()
  for (const letter of b) {
    left.set(letter, (left.get(letter) ?? 0) + 1)
  }
  let common = 0
  for (const letter of a) {
    const count = left.get(letter) ?? 0
    if (count > 0) {
      common++
      left.set(letter, count - 1)
    }
  }
  return (2 * common) / ([...a].length + [...b].length)
}
