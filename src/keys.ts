import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Something nobody can guess, for a URL, a cookie or a credential: base64url. 16 bytes are 128 bits. */
export function randomKey(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}

/** What is kept of a session's id or a token, so that a stolen database opens nothing. The keys are random: no salt. */
export function keyHash(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** A value that only we can make for this purpose and text. */
export function sealed(secret: Buffer, purpose: string, text: string): string {
  return createHmac('sha256', secret).update(`${purpose}\0${text}`).digest('base64url')
}

/** Says, where it stands beside a text, that the user typed it in the composer of the chat: nobody else is to be given it. */
export function draftSeal(secret: Buffer, uri: string, user_id: number): string {
  return sealed(secret, 'draft', `${user_id} ${uri}`)
}

/** Compares in constant time. */
export function sameKey(a: string, b: string): boolean {
  return timingSafeEqual(keyHash(a), keyHash(b))
}
