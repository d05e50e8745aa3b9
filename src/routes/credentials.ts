import { LIMITS } from '../config.js'
import { returnToRate, takeFromRate } from '../db/limits.js'
import { findUser, type User, upgradeHash, type Verified } from '../db/users.js'
import { invalid } from '../errors.js'
import { addressOf } from '../http/address.js'
import type { Parts, RouteContext } from '../http/context.js'
import { deviceOf } from '../http/device.js'
import { overShared } from '../http/rate-limits.js'
import { keyHash } from '../keys.js'
import { hashIsOutdated, hashPassword, passwordFits } from '../passwords.js'
import { foldUsername } from '../text/names.js'

/** A user, and the hash that their password was verified by. */
interface VerifiedUser {
  user: User
  password_hash: string
}

/**
 * The user with that name and password. Throws `status` for any other pair, with the same cost and the same words whether or not the
 * name exists. Throws 429 after too many failed tries for the name or from the address. In a browser that has signed in under that name
 * before, the browser's own tries count instead of the name's: strangers who guess at a name do not lock its user out.
 */
export async function checkCredentials(
  parts: Parts,
  ctx: RouteContext,
  credentials: { username: string; password: string },
  status: number,
): Promise<VerifiedUser> {
  const device = deviceOf(parts, ctx, credentials.username)
  // Stored as a hash: names can be of any length, and some people type their password into this field.
  const name = keyHash(foldUsername(credentials.username)).toString('base64url')
  const verified = await tryCredentials(
    parts,
    ctx,
    credentials,
    device ? ['login device', device] : ['login name', name],
  )
  if (!verified) {
    const sentence = 'Unable to log in with provided credentials.'
    throw invalid('wrong_credentials', 'non_field_errors', sentence, status)
  }
  parts.log.info({ user: verified.user.id, address: addressOf(ctx) }, 'signed in')
  return verified
}

/**
 * Verifies the password of the user who is signed in. Returns the hash that it was verified by. Throws 422 beside `field` for a wrong
 * password, and 429 as checkCredentials does.
 */
export async function checkPassword(
  parts: Parts,
  ctx: RouteContext,
  user: User,
  field: string,
  password: string,
): Promise<Verified> {
  // Counted by their session or token, not by their name: strangers can use up the name's tries.
  const subject = ctx.state.identity?.hash.toString('base64url') ?? ''
  const credentials = { username: user.username, password }
  const verified = await tryCredentials(parts, ctx, credentials, ['own password', subject])
  if (verified?.user.id !== user.id) {
    throw invalid('wrong_password', field, 'This is not your password.')
  }
  return { id: user.id, password_hash: verified.password_hash }
}

/** Counts the try twice: by the address, and under the other rate limit by its subject. */
async function tryCredentials(
  parts: Parts,
  ctx: RouteContext,
  { username, password }: { username: string; password: string },
  other: readonly [name: string, subject: string],
): Promise<VerifiedUser | undefined> {
  const { db, config } = parts
  // The address first: one that is over its limit cannot use up the tries for other people's names.
  const counted = [['login address', addressOf(ctx)], other] as const
  for (const [name, subject] of config.limited ? counted : []) {
    const wait = await takeFromRate(db, name, subject, LIMITS.logins)
    if (wait > 0) {
      throw overShared('logins', wait, 'Too many attempts to sign in. Please wait a few minutes and try again.')
    }
  }
  const verified = await verify(parts, ctx, username, password)
  for (const [name, subject] of config.limited && verified ? counted : []) {
    await returnToRate(db, name, subject, LIMITS.logins)
  }
  return verified
}

async function verify(
  parts: Parts,
  ctx: RouteContext,
  username: string,
  password: string,
): Promise<VerifiedUser | undefined> {
  const { db, log } = parts
  const found = await findUser(db, username)
  if (!(await passwordFits(found?.password_hash, password)) || !found) {
    log.info({ user: found?.id ?? null, address: addressOf(ctx) }, 'sign-in refused')
    return undefined
  }
  const { password_hash, password_normalised, ...user } = found
  if (password_normalised && !hashIsOutdated(password_hash)) {
    return { user, password_hash }
  }
  const better = await hashPassword(password)
  // If the hash has changed meanwhile, by another sign-in or a new password, the password is verified by the hash that is there now.
  return (await upgradeHash(db, found, better))
    ? { user, password_hash: better }
    : verify(parts, ctx, username, password)
}
