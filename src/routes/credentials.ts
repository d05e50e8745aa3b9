import { addressOf } from '../address.js'
import { LIMITS } from '../config.js'
import type { Context, Parts } from '../context.js'
import { returnTurn, takeTurn } from '../db/limits.js'
import { findUser, type User, upgradeHash, type Verified } from '../db/users.js'
import { invalid, tooMany } from '../errors.js'
import { keyHash } from '../keys.js'
import { hashIsOutdated, hashPassword, passwordFits } from '../passwords.js'
import { foldUsername } from '../usernames.js'

/** A user, and the hash that their password was verified by. */
interface VerifiedUser {
  user: User
  password_hash: string
}

/**
 * The user with that name and password. Throws `status` for any other pair, at the same cost and in the same words whether
 * the name exists, and 429 after too many tries for a name or from an address. Tries that succeed do not count.
 */
export async function checkCredentials(
  parts: Parts,
  ctx: Context,
  credentials: { username: string; password: string },
  status: number,
): Promise<VerifiedUser> {
  const verified = await tryCredentials(parts, ctx, credentials)
  if (!verified) {
    throw invalid({ non_field_errors: ['Unable to log in with provided credentials.'] }, status)
  }
  parts.log.info({ user: verified.user.id, address: addressOf(ctx) }, 'signed in')
  return verified
}

/**
 * Makes sure that whoever is signed in knows their password. Returns it as it was verified; throws 422 beside that field where they do
 * not, and 429 as above.
 */
export async function checkPassword(
  parts: Parts,
  ctx: Context,
  user: User,
  field: string,
  password: string,
): Promise<Verified> {
  const verified = await tryCredentials(parts, ctx, { username: user.username, password })
  if (verified?.user.id !== user.id) {
    throw invalid({ [field]: ['This is not your password.'] })
  }
  return { id: user.id, password_hash: verified.password_hash }
}

async function tryCredentials(
  parts: Parts,
  ctx: Context,
  { username, password }: { username: string; password: string },
): Promise<VerifiedUser | undefined> {
  const { db, config } = parts
  const counted = [
    // First, so that an address that is over its limit cannot use up other people's names.
    ['login address', addressOf(ctx)],
    // Hashed: people type passwords into this field, and names of any length.
    ['login name', keyHash(foldUsername(username)).toString('base64url')],
  ] as const
  for (const [name, subject] of config.limited ? counted : []) {
    const wait = await takeTurn(db, name, subject, LIMITS.logins)
    if (wait > 0) {
      throw tooMany(wait, 'Too many attempts to sign in. Please wait a few minutes and try again.')
    }
  }
  const verified = await verify(parts, ctx, username, password)
  for (const [name, subject] of config.limited && verified ? counted : []) {
    await returnTurn(db, name, subject, LIMITS.logins)
  }
  return verified
}

async function verify(
  parts: Parts,
  ctx: Context,
  username: string,
  password: string,
): Promise<VerifiedUser | undefined> {
  const { db, log } = parts
  const found = await findUser(db, username)
  if (!(await passwordFits(found?.password_hash, password)) || !found) {
    log.info({ user: found?.id ?? null, address: addressOf(ctx) }, 'sign-in refused')
    return undefined
  }
  const { password_hash, ...user } = found
  if (!hashIsOutdated(password_hash)) {
    return { user, password_hash }
  }
  const better = await hashPassword(password)
  // Where another hash stands there by now, somebody else has signed in or changed the password meanwhile: it is verified by that one.
  return (await upgradeHash(db, found, better))
    ? { user, password_hash: better }
    : verify(parts, ctx, username, password)
}
