import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import { lockUser, type Verified } from './users.js'

/** When a session expires: after it was idle for too long, or is too old. A guest could not sign in again, so theirs is never too old. */
export const sessionEndsAt = sql<Date>`least(
  sessions.last_used_at + ${sql.lit(`${LIMITS.sessionIdleDays} days`)}::interval,
  case when (select holder.kind from users holder where holder.id = sessions.user_id) = 'account'
    then sessions.created_at + ${sql.lit(`${LIMITS.sessionDays} days`)}::interval end)`

/**
 * For a statement that ends sessions of users: a guest without a session is gone, and `settleUser` must follow. The version tells
 * processes to look at the sessions again.
 */
const MAYBE_GONE = {
  version: sql<number>`users.version + 1`,
  unsettled: sql<boolean>`users.unsettled or users.kind = 'guest'`,
}

/** For the `where` of a statement. */
export const sessionIsAlive = sql<boolean>`${sessionEndsAt} > now()`

/**
 * `agent`: the browser's User-Agent. Returns false, and creates nothing, if the password is no longer the one that was verified. The lock
 * waits for a change of the password that is under way, and a later change waits for it and ends this session too (db/users.ts lockUser).
 */
export async function createSession(
  db: Db,
  id_hash: Buffer,
  { id, password_hash }: Verified,
  agent: string,
): Promise<boolean> {
  const shown = [...agent.replace(/\p{C}/gu, '')].slice(0, LIMITS.agentLength).join('')
  const result = await db
    .insertInto('sessions')
    .columns(['id_hash', 'user_id', 'agent'])
    .expression(({ selectFrom }) =>
      selectFrom('users')
        .select([sql<Buffer>`${id_hash}::bytea`.as('id_hash'), 'id', sql<string>`${shown}::text`.as('agent')])
        .where('id', '=', id)
        .where('password_hash', 'is not distinct from', password_hash)
        .where('deleted_at', 'is', null)
        .forShare(),
    )
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Whether the user's session has not ended. */
export async function hasSession(db: Db, { id, session }: { id: number; session: Buffer }): Promise<boolean> {
  const found = await db
    .selectFrom('sessions')
    .select('id')
    .where('id_hash', '=', session)
    .where('user_id', '=', id)
    .where(sessionIsAlive)
    .executeTakeFirst()
  return found !== undefined
}

export async function touchSession(db: Db, id_hash: Buffer) {
  await db
    .updateTable('sessions')
    .set({ last_used_at: sql`now()` })
    .where('id_hash', '=', id_hash)
    .where('last_used_at', '<', sql<Date>`now() - interval '10 minutes'`)
    .execute()
}

/**
 * Logs out: deletes the session, and moves the user's version. Returns the user's id; undefined if there was no such session. For a guest
 * `settleUser` must follow, as they are gone. Like all
 * that ends sessions and tokens it locks the user's row first: PostgreSQL runs the delete of such a statement after its update.
 */
export async function endSession(db: Db, id_hash: Buffer): Promise<number | undefined> {
  const ended = await db
    .with('ended', ended => ended.deleteFrom('sessions').where('id_hash', '=', id_hash))
    .updateTable('users')
    .from('sessions')
    .set(MAYBE_GONE)
    .whereRef('users.id', '=', 'sessions.user_id')
    .where('sessions.id_hash', '=', id_hash)
    .returning('users.id')
    .executeTakeFirst()
  return ended?.id
}

/** The user's sessions, the last used first. */
export function sessionsOf(db: Db, user_id: number) {
  return db
    .selectFrom('sessions')
    .select(['id', 'id_hash', 'agent', 'created_at', 'last_used_at'])
    .where('user_id', '=', user_id)
    .where(sessionIsAlive)
    .orderBy('last_used_at', 'desc')
    .orderBy('id', 'desc')
    .limit(LIMITS.sessionsOnPage)
    .execute()
}

/** Ends that session. Returns whether the user had it. For a guest `settleUser` must follow. */
export async function endSessionOf(db: Db, user_id: number, id: number): Promise<boolean> {
  const result = await db
    .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', user_id).where('id', '=', id))
    .updateTable('users')
    .from('sessions')
    .set(MAYBE_GONE)
    .whereRef('users.id', '=', 'sessions.user_id')
    .where('sessions.user_id', '=', user_id)
    .where('sessions.id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Ends all sessions of the user, also one that is being made at this moment. Returns how many. `settleUser` must follow. */
export function endSessions(db: Db, user_id: number): Promise<number> {
  return db.transaction().execute(async trx => {
    await lockUser(trx, user_id)
    const { numDeletedRows } = await trx.deleteFrom('sessions').where('user_id', '=', user_id).executeTakeFirstOrThrow()
    await trx.updateTable('users').set(MAYBE_GONE).where('id', '=', user_id).execute()
    return Number(numDeletedRows)
  })
}

/** Deletes the sessions that have expired. `settleUsers` must follow. */
export async function deleteEndedSessions(db: Db) {
  await db
    .with('ended', ended =>
      ended.deleteFrom('sessions').where(sql<boolean>`not (${sessionIsAlive})`).returning('user_id'),
    )
    .updateTable('users')
    .set(MAYBE_GONE)
    .where('kind', '=', 'guest')
    .where('id', 'in', ended => ended.selectFrom('ended').select('user_id'))
    .execute()
}
