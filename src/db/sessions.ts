import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'

/** When a session ends by itself: idle for too long, or too old. */
export const sessionEndsAt = sql<Date>`least(
  sessions.last_used_at + ${sql.lit(`${LIMITS.sessionIdleDays} days`)}::interval,
  sessions.created_at + ${sql.lit(`${LIMITS.sessionDays} days`)}::interval)`

/** For the `where` of a statement. */
export const sessionIsAlive = sql<boolean>`${sessionEndsAt} > now()`

export async function createSession(db: Db, id_hash: Buffer, user_id: number) {
  await db
    .insertInto('sessions')
    .values({ id_hash, user_id })
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

export async function touchSession(db: Db, id_hash: Buffer) {
  await db
    .updateTable('sessions')
    .set({ last_used_at: sql`now()` })
    .where('id_hash', '=', id_hash)
    .where('last_used_at', '<', sql<Date>`now() - interval '10 minutes'`)
    .execute()
}

/** Logs out: the session is gone, and whoever follows its user's version hears of it. Returns the user; undefined where there was none. */
export async function endSession(db: Db, id_hash: Buffer): Promise<number | undefined> {
  const ended = await db
    .with('ended', ended => ended.deleteFrom('sessions').where('id_hash', '=', id_hash).returning('user_id'))
    .updateTable('users')
    .from('ended')
    .set({ version: sql`version + 1` })
    .whereRef('users.id', '=', 'ended.user_id')
    .returning('users.id')
    .executeTakeFirst()
  return ended?.id
}

export async function deleteEndedSessions(db: Db) {
  await db.deleteFrom('sessions').where(sql<boolean>`not (${sessionIsAlive})`).execute()
}
