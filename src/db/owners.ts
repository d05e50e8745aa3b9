import { sql } from 'kysely'
import type { Db } from './schema.js'

/**
 * What became of something that only a chat's owner may do, judged when it is done: `done`; `not owner`, they are a member and no more;
 * `stranger`, not even that, or there is no such chat; `yourself`, it cannot be done to oneself; `absent`, there is nobody to do it to;
 * `guest`, the other has no account; `misnamed`, the name that was typed is not the chat's.
 */
export type Outcome = 'done' | 'not owner' | 'stranger' | 'yourself' | 'absent' | 'guest' | 'misnamed'

/** `version` is the chat's afterwards; null where nothing was done. */
export interface Done {
  outcome: Outcome
  version: number | null
}

/** Who acts, and in which chat. */
export interface Acting {
  chat_id: number
  user_id: number
}

/** Makes another member the owner, who must have an account. */
export async function handOver(db: Db, { chat_id, user_id }: Acting, heir_id: number): Promise<Done> {
  const { rows } = await sql<Done>`select outcome, version from hand_over(${chat_id}, ${user_id}, ${heir_id})`.execute(
    db,
  )
  return rows[0] as Done
}

/** The members to whom the chat can be handed over, the first to come first. */
export function heirsOf(db: Db, { chat_id, user_id }: Acting, limit: number) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['users.id', 'members.name'])
    .where('members.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
    .where('members.user_id', '<>', user_id)
    .where('users.kind', '=', 'account')
    .orderBy('members.joined_at')
    .orderBy('members.user_id')
    .limit(limit)
    .execute()
}
