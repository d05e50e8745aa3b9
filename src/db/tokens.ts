import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db, Scope } from './schema.js'
import { hasSession } from './sessions.js'
import { lockUser, type Verified } from './users.js'

/** When a token expires: at its own time, or after it was unused for too long. */
export const tokenEndsAt = sql<Date>`least(
  tokens.last_used_at + ${sql.lit(`${LIMITS.tokenIdleDays} days`)}::interval, tokens.expires_at)`

/** For the `where` of a statement. */
export const tokenIsAlive = sql<boolean>`${tokenEndsAt} > now()`

/** What permits a token: the password that was verified, or the session or the token of the user who asks. */
export type TokenGround = Verified | { id: number; session: Buffer } | { id: number; token_id: number }

interface NewToken {
  key_hash: Buffer
  /** Empty for one without a name. */
  name?: string
  /** All, where it is left out. */
  scopes?: readonly Scope[]
  /** The only chat that it is for. */
  chat_id?: number | null
  expires_at?: Date | null
}

/** `beyond`: it would last longer than the token that makes it. */
type TokenOutcome =
  | { outcome: 'made' | 'made in the place of another'; id: number; expires_at: Date | null }
  | { outcome: 'refused' | 'too many' | 'beyond' }

/**
 * Makes a token, unless the password was changed or the session or token ended meanwhile. Users have so many with a name, and so many without. At
 * the limit a new one without a name takes the place of the one that was unused longest, so that a script that signs in each time goes on
 * working, but never of one in use.
 */
export function createToken(db: Db, ground: TokenGround, token: NewToken): Promise<TokenOutcome> {
  const { key_hash, name = '', scopes, chat_id = null } = token
  const user_id = ground.id
  return db.transaction().execute(async trx => {
    const limit = await grounded(trx, ground)
    if (limit === 'refused') {
      return { outcome: limit }
    }
    const expires_at = token.expires_at ?? limit
    if (limit && expires_at && expires_at > limit) {
      return { outcome: 'beyond' }
    }
    const outcome = await makeRoom(trx, user_id, name !== '')
    if (outcome === 'too many') {
      return { outcome }
    }
    const parent_id = 'token_id' in ground ? ground.token_id : null
    const { id } = await trx
      .insertInto('tokens')
      .values({ key_hash, user_id, name, chat_id, expires_at, parent_id, ...(scopes ? { scopes: [...scopes] } : {}) })
      .returning('id')
      .executeTakeFirstOrThrow()
    return { outcome, id, expires_at }
  })
}

/** Locks the user, and returns until when a token may last that is made on that ground. Null: for ever. */
async function grounded(trx: Db, ground: TokenGround): Promise<Date | null | 'refused'> {
  const user = await lockUser(trx, ground.id)
  // A session or token that ended while this waited for the lock: only a later statement sees that.
  if (user && 'token_id' in ground) {
    const parent = await trx
      .selectFrom('tokens')
      .select('expires_at')
      .where('id', '=', ground.token_id)
      .where('user_id', '=', ground.id)
      .where(tokenIsAlive)
      .executeTakeFirst()
    return parent ? parent.expires_at : 'refused'
  }
  const holds =
    user &&
    ('session' in ground ? await hasSession(trx, ground) : user.password_hash === (ground as Verified).password_hash)
  return holds ? null : 'refused'
}

/** How long nobody has used a token that gives way, in minutes: 10, and one more because the use is written once a minute. */
const UNUSED_MINUTES = 11

/** One that made others stays: these would end with it. */
async function makeRoom(
  trx: Db,
  user_id: number,
  named: boolean,
): Promise<'made' | 'made in the place of another' | 'too many'> {
  const { count } = await trx
    .selectFrom('tokens')
    .select(from => from.fn.countAll<number>().as('count'))
    .where('user_id', '=', user_id)
    .where('name', named ? '<>' : '=', '')
    .where(tokenIsAlive)
    .executeTakeFirstOrThrow()
  if (Number(count) < LIMITS.tokensPerUser) {
    return 'made'
  }
  if (named) {
    return 'too many'
  }
  const gone = await trx
    .with('revoked', revoked =>
      revoked
        .deleteFrom('tokens')
        .where('id', 'in', unused =>
          unused
            .selectFrom('tokens')
            .select('id')
            .where('user_id', '=', user_id)
            .where('name', '=', '')
            .where('last_used_at', '<', sql<Date>`now() - make_interval(mins => ${sql.lit(UNUSED_MINUTES)})`)
            .where(where =>
              where.not(
                where.exists(
                  where.selectFrom('tokens as made').select('id').whereRef('made.parent_id', '=', 'tokens.id'),
                ),
              ),
            )
            .orderBy('last_used_at')
            .orderBy('id')
            .limit(1),
        )
        .returning('user_id'),
    )
    .updateTable('users')
    .set({ version: sql`version + 1` })
    .where('id', 'in', user => user.selectFrom('revoked').select('user_id'))
    .executeTakeFirstOrThrow()
  return gone.numUpdatedRows > 0n ? 'made in the place of another' : 'too many'
}

/** Writes that these tokens are in use, once a minute for each. */
export async function touchTokens(db: Db, ids: readonly number[]) {
  await db
    .updateTable('tokens')
    .set({ last_used_at: sql`now()` })
    .where('id', '=', sql<number>`any(${ids})`)
    .where('last_used_at', '<', sql<Date>`now() - interval '1 minute'`)
    .execute()
}

/**
 * The user's tokens, the last used first. The tokens themselves are not stored. `uri`: the current one of the only chat that it is for; the
 * title and the owner's name are that chat's.
 */
export function tokensOf(db: Db, user_id: number) {
  return db
    .selectFrom('tokens')
    .leftJoin('chats', 'chats.id', 'tokens.chat_id')
    .leftJoin('users as owner', 'owner.id', 'chats.owner_id')
    .leftJoin('links', join => join.onRef('links.chat_id', '=', 'chats.id').on('links.replaced_at', 'is', null))
    .select([
      'tokens.id',
      'tokens.name',
      'tokens.scopes',
      'tokens.expires_at',
      'tokens.created_at',
      'tokens.last_used_at',
      'links.uri',
      'chats.title',
      'owner.name as owner_name',
    ])
    .where('tokens.user_id', '=', user_id)
    .where(tokenIsAlive)
    .orderBy('tokens.last_used_at', 'desc')
    .orderBy('tokens.id', 'desc')
    .execute()
}

/** Revokes that token, and those that it made. Returns whether the user had it. */
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
