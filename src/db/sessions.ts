import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import type { Verified } from './users.js'

/** When a session ends by itself: idle for too long, or too old. */
export const sessionEndsAt = sql<Date>`least(
  sessions.last_used_at + ${sql.lit(`${LIMITS.sessionIdleDays} days`)}::interval,
  sessions.created_at + ${sql.lit(`${LIMITS.sessionDays} days`)}::interval)`

/** For the `where` of a statement. */
export const sessionIsAlive = sql<boolean>`${sessionEndsAt} > now()`

/**
 * `agent`: how the browser calls itself. Returns false, and begins nothing, where the password is no longer the one that was verified. The
 * lock waits for whoever is changing it, and holds up whoever would: they end this session too (db/users.ts lockUser).
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
 * Logs out: the session is gone, and whoever follows its user's version hears of it. Returns the user; undefined where there was none.
 * The user's row is taken first, as by all that ends sessions and tokens: what a statement does beside its update comes after it.
 */
export async function endSession(db: Db, id_hash: Buffer): Promise<number | undefined> {
  const ended = await db
    .with('ended', ended => ended.deleteFrom('sessions').where('id_hash', '=', id_hash))
    .updateTable('users')
    .from('sessions')
    .set({ version: sql`users.version + 1` })
    .whereRef('users.id', '=', 'sessions.user_id')
    .where('sessions.id_hash', '=', id_hash)
    .returning('users.id')
    .executeTakeFirst()
  return ended?.id
}

/** The user's sessions, the one used last first. */
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

/** Whether the user had that session, which has ended now. */
export async function endSessionOf(db: Db, user_id: number, id: number): Promise<boolean> {
  const result = await db
    .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', user_id).where('id', '=', id))
    .updateTable('users')
    .from('sessions')
    .set({ version: sql`users.version + 1` })
    .whereRef('users.id', '=', 'sessions.user_id')
    .where('sessions.user_id', '=', user_id)
    .where('sessions.id', '=', id)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteEndedSessions(db: Db) {
  await db.deleteFrom('sessions').where(sql<boolean>`not (${sessionIsAlive})`).execute()
}
