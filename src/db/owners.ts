import { sql } from 'kysely'
import type { Db } from './schema.js'

/**
 * What became of something that only a chat's owner may do: `done`; `not owner`, they are only a member; `stranger`, they are no member or
 * there is no such chat; `yourself`, it cannot be done to oneself; `absent`, the other is no member, or not banned; `guest`, the other has
 * no account; `misnamed`, the typed name is not that of the chat.
 */
export type Outcome = 'done' | 'not owner' | 'stranger' | 'yourself' | 'absent' | 'guest' | 'misnamed'

/** `version`: the chat's version afterwards; null if nothing was done. */
export interface Done {
  outcome: Outcome
  version: number | null
}

/** The user who acts, and the chat. */
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

/** The members who can become the owner, in the order in which they joined. */
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
