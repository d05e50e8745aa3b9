import { addressOf } from '../address.js'
import { LIMITS } from '../config.js'
import type { Context, Parts } from '../context.js'
import { returnTurn, takeTurn } from '../db/limits.js'
import { findUser, type User, upgradeHash } from '../db/users.js'
import { invalid, tooMany } from '../errors.js'
import { keyHash } from '../keys.js'
import { hashIsOutdated, hashPassword, passwordFits } from '../passwords.js'
import { foldUsername } from '../usernames.js'

/**
 * The user with that name and password. Throws `status` for any other pair, at the same cost and in the same words whether
 * the name exists, and 429 after too many tries for a name or from an address. Tries that succeed do not count.
 */
export async function checkCredentials(
  parts: Parts,
  ctx: Context,
  credentials: { username: string; password: string },
  status: number,
): Promise<User> {
  const user = await tryCredentials(parts, ctx, credentials)
  if (!user) {
    throw invalid({ non_field_errors: ['Unable to log in with provided credentials.'] }, status)
  }
  parts.log.info({ user: user.id, address: addressOf(ctx) }, 'signed in')
  return user
}

/** Makes sure that whoever is signed in knows their password. Throws 422 beside that field where they do not, and 429 as above. */
export async function checkPassword(parts: Parts, ctx: Context, user: User, field: string, password: string) {
  if ((await tryCredentials(parts, ctx, { username: user.username, password }))?.id !== user.id) {
    throw invalid({ [field]: ['This is not your password.'] })
  }
}

async function tryCredentials(
  { db, config, log }: Parts,
  ctx: Context,
  { username, password }: { username: string; password: string },
): Promise<User | undefined> {
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
  const found = await findUser(db, username)
  if (!(await passwordFits(found?.password_hash, password)) || !found) {
    log.info({ user: found?.id ?? null, address: addressOf(ctx) }, 'sign-in refused')
    return undefined
  }
  for (const [name, subject] of config.limited ? counted : []) {
    await returnTurn(db, name, subject, LIMITS.logins)
  }
  const { password_hash, ...user } = found
  if (hashIsOutdated(password_hash)) {
    await upgradeHash(db, user.id, await hashPassword(password))
  }
  return user
}
