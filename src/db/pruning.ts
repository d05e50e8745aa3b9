import { sql } from 'kysely'
import type { Db } from './schema.js'

/** A time so many days ago. */
const ago = (days: number) => sql<Date>`now() - make_interval(days => ${days}::int)`

/** The ids of chats that are older than that, behind `after`. */
export async function chatsOlderThan(db: Db, days: number, after: number, limit: number): Promise<number[]> {
  const rows = await db
    .selectFrom('chats')
    .select('id')
    .where('id', '>', after)
    .where('created_at', '<', ago(days))
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** The ids of the chat's messages that have a text and are older than that, behind `after`. */
export async function messagesOlderThan(
  db: Db,
  chat_id: number,
  { days, after, limit }: { days: number; after: number; limit: number },
): Promise<number[]> {
  const rows = await db
    .selectFrom('events')
    .select('version')
    .where('chat_id', '=', chat_id)
    .where('version', '>', after)
    .where('kind', '=', sql.lit('message'))
    .where('deleted_at', 'is', null)
    .where('created_at', '<', ago(days))
    .orderBy('version')
    .limit(limit)
    .execute()
  return rows.map(({ version }) => version)
}

/** Deletes the texts of these messages, as their authors could. Returns how many were deleted; the others had no text any more. */
export async function pruneMessages(db: Db, chat_id: number, ids: readonly number[]): Promise<number> {
  const { rows } = await sql<{ pruned: number }>`
    select prune_messages(${chat_id}, ${ids}::bigint[]) as pruned`.execute(db)
  return rows[0]?.pruned ?? 0
}
