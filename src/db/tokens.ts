import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import { hasSession } from './sessions.js'
import { lockUser, type Verified } from './users.js'

/** When a token expires: after it was unused for too long. */
export const tokenEndsAt = sql<Date>`(tokens.last_used_at + ${sql.lit(`${LIMITS.tokenIdleDays} days`)}::interval)`

/** For the `where` of a statement. */
export const tokenIsAlive = sql<boolean>`${tokenEndsAt} > now()`

/** What permits a token: the password that was verified, or the session of the user who asks. */
export type TokenGround = Verified | { id: number; session: Buffer }

/**
 * Makes a token, unless the password was changed or the session ended meanwhile. At the limit per user it revokes the token that was
 * unused longest, so that a script that signs in each time goes on working.
 */
export function createToken(
  db: Db,
  ground: TokenGround,
  key_hash: Buffer,
  name = '',
): Promise<'refused' | 'made' | 'made in the place of another'> {
  const user_id = ground.id
  return db.transaction().execute(async trx => {
    const user = await lockUser(trx, user_id)
    // A session that ended while this waited for the lock: only a later statement sees that.
    if (!user || !('session' in ground ? await hasSession(trx, ground) : user.password_hash === ground.password_hash)) {
      return 'refused'
    }
    const { numUpdatedRows } = await trx
      .with('revoked', revoked =>
        revoked
          .deleteFrom('tokens')
          .where('id', 'in', older =>
            older
              .selectFrom('tokens')
              .select('id')
              .where('user_id', '=', user_id)
              .orderBy('last_used_at', 'desc')
              .orderBy('id', 'desc')
              .offset(LIMITS.tokensPerUser - 1),
          )
          .returning('user_id'),
      )
      .updateTable('users')
      .set({ version: sql`version + 1` })
      .where('id', 'in', user => user.selectFrom('revoked').select('user_id'))
      .executeTakeFirstOrThrow()
    await trx.insertInto('tokens').values({ key_hash, user_id, name }).execute()
    return numUpdatedRows > 0n ? 'made in the place of another' : 'made'
  })
}

export async function touchToken(db: Db, id: number) {
  await db
    .updateTable('tokens')
    .set({ last_used_at: sql`now()` })
    .where('id', '=', id)
    .where('last_used_at', '<', sql<Date>`now() - interval '10 minutes'`)
    .execute()
}

/** The user's tokens, the last used first. The tokens themselves are not stored. */
export function tokensOf(db: Db, user_id: number) {
  return db
    .selectFrom('tokens')
    .select(['id', 'name', 'created_at', 'last_used_at'])
    .where('user_id', '=', user_id)
    .where(tokenIsAlive)
    .orderBy('last_used_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
}

/** Revokes that token. Returns whether the user had it. */
export async function revokeToken(db: Db, user_id: number, id: number): Promise<boolean> {
  const result = await db
    .with('revoked', revoked => revoked.deleteFrom('tokens').where('user_id', '=', user_id).where('id', '=', id))
    .updateTable('users')
    .from('tokens')
    .set({ version: sql`users.version + 1` })
    .whereRef('users.id', '=', 'tokens.user_id')
    .where('tokens.user_id', '=', user_id)
    .where('tokens.id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Revokes all tokens of the user, also one that is being made at this moment. */
export async function revokeTokens(db: Db, user_id: number) {
  await db.transaction().execute(async trx => {
    await lockUser(trx, user_id)
    await trx
      .with('revoked', revoked => revoked.deleteFrom('tokens').where('user_id', '=', user_id))
      .updateTable('users')
      .set({ version: sql`version + 1` })
      .where('id', '=', user_id)
      .execute()
  })
}

export async function deleteEndedTokens(db: Db) {
  await db.deleteFrom('tokens').where(sql<boolean>`not (${tokenIsAlive})`).execute()
}
