import { LIMITS } from '../config.js'
import { randomKey, sameKey, sealed } from '../keys.js'
import { foldUsername } from '../text/names.js'
import type { Context, Parts } from './context.js'

const deviceCookie = (secure: boolean) => (secure ? '__Host-device' : 'device')

/** A random key, and the HMAC that binds it to a username: 16 and 32 bytes in base64url. */
const ENTRY = /^[\w-]{65}$/
const KEY_LENGTH = 22

/**
 * The key that this browser got when it signed in under that username; undefined where it never has. Tries are counted by this key, so
 * that strangers who guess passwords do not lock the user out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
 */
export function deviceOf(parts: Parts, ctx: Context, username: string): string | undefined {
  return entriesOf(parts, ctx)
    .find(entry => isFor(parts, entry, username))
    ?.slice(0, KEY_LENGTH)
}

/** Remembers in the browser that it has signed in under that username. The key is new each time, as the old one may have been stolen and used up. */
export function rememberDevice(parts: Parts, ctx: Context, username: string) {
  const key = randomKey(16)
  const others = entriesOf(parts, ctx).filter(entry => !isFor(parts, entry, username))
  const entries = [key + seal(parts, key, username), ...others].slice(0, LIMITS.namesPerDevice)
  ctx.cookies.set(deviceCookie(parts.config.secure), entries.join('.'), {
    maxAge: LIMITS.cookieDays * 86_400_000,
    // Each entry has an HMAC of its own.
    signed: false,
    httpOnly: true,
    sameSite: 'lax',
    secure: parts.config.secure,
  })
}

/** The newest first. */
function entriesOf({ config }: Parts, ctx: Context): string[] {
  const cookie = ctx.state.cookieless ? undefined : ctx.cookies.get(deviceCookie(config.secure), { signed: false })
  return (cookie ?? '').split('.', LIMITS.namesPerDevice).filter(entry => ENTRY.test(entry))
}

function isFor(parts: Parts, entry: string, username: string): boolean {
  return sameKey(entry.slice(KEY_LENGTH), seal(parts, entry.slice(0, KEY_LENGTH), username))
}

function seal({ secret }: Parts, key: string, username: string): string {
  return sealed(secret, 'device', `${key} ${foldUsername(username)}`)
}
