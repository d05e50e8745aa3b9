import { sql } from 'kysely'
import type { Acting, Done } from './owners.js'
import type { Db } from './schema.js'

/** The banned users of the chat, by user id, behind the id `after`. */
export function bansOf(db: Db, chat_id: number, limit: number, after = 0) {
  return db
    .selectFrom('bans')
    .innerJoin('users', 'users.id', 'bans.user_id')
    .select(['users.id', 'users.username', 'users.kind', 'bans.name', 'bans.created_at'])
    .where('bans.chat_id', '=', chat_id)
    .where('bans.user_id', '>', after)
    .orderBy('bans.user_id')
    .limit(limit)
    .execute()
}

/** Lets a banned user join again. */
export async function liftBan(db: Db, { chat_id, user_id }: Acting, banned_id: number): Promise<Done> {
  const { rows } = await sql<Done>`select outcome, version from lift_ban(${chat_id}, ${user_id}, ${banned_id})`.execute(
    db,
  )
  return rows[0] as Done
}
