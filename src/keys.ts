import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { remembering } from './remembering.js'

/** Random bytes for the next keys. To ask for 4 KiB at once costs as much as to ask for one key; crypto.randomUUID does the same. */
let pool = Buffer.alloc(0)
let used = 0

/** A random key for a URL, a cookie or a credential, in base64url. */
export function randomKey(bytes = 32): string {
  if (used + bytes > pool.length) {
    pool = randomBytes(4096)
    used = 0
  }
  const part = pool.subarray(used, used + bytes)
  used += bytes
  const key = part.toString('base64url')
  // The key is its owner's alone from now on.
  part.fill(0)
  return key
}

/**
 * A new token, which programs that look for leaked credentials know by its form: `chatire_`, 43 random characters, `_` and a checksum of these
 * 43, their CRC-32 in six digits to the base 62 (0-9, A-Z, a-z).
 */
export function tokenKey(): string {
  const key = randomKey()
  return `${PREFIX}${key}_${checksum(key)}`
}

const PREFIX = 'chatire_'

/** Whether it can be a token. Those that were made before they had this form have no prefix. */
export function isTokenKey(key: string): boolean {
  const [, random = '', sum] = /^chatire_(.{43})_(.{6})$/.exec(key) ?? []
  return key.startsWith(PREFIX) ? sum === checksum(random) : true
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let place = 0; place < 6; place++) {
    digits = DIGITS.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The hash of a session's id or a token, so that a stolen database contains no credentials. The keys are random, so it needs no salt. */
export function keyHash(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** An HMAC of the text by the site's secret, for one purpose. Each page has two, and mostly the same as its reader's page before. */
export function sealed(secret: Buffer, purpose: string, text: string): string {
  const seal = sealsBy.get(secret) ?? remembering(SEALS_AT_MOST, (of: string) => hmac(secret, of))
  sealsBy.set(secret, seal)
  return seal(`${purpose}\0${text}`)
}

const SEALS_AT_MOST = 10_000
const sealsBy = new WeakMap<Buffer, (of: string) => string>()

function hmac(secret: Buffer, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}

/** Proves that the user typed the draft beside it in the composer of that chat. No other user may get the draft. */
export function draftSeal(secret: Buffer, uri: string, user_id: number): string {
  return sealed(secret, 'draft', `${user_id} ${uri}`)
}

/** Compares in constant time. */
export function sameKey(a: string, b: string): boolean {
  return timingSafeEqual(keyHash(a), keyHash(b))
}
