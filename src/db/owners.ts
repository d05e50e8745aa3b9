import { sql } from 'kysely'
import type { Db } from './schema.js'

/**
 * What became of something that only a chat's owner may do: `done`; `not owner`, they are only a member; `stranger`, they are no member or
 * there is no such chat; `yourself`, it cannot be done to oneself; `absent`, the other is no member, or not banned; `guest`, the other is
 * a guest whose session has ended; `misnamed`, the typed name is not that of the chat; `too long`, the operator keeps messages for fewer days.
 */
export type Outcome = 'done' | 'not owner' | 'stranger' | 'yourself' | 'absent' | 'guest' | 'misnamed' | 'too long'

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

/** Makes another member the owner. */
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
    .select(['users.id', 'members.name', 'members.guest'])
    .where('members.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
    .where('members.user_id', '<>', user_id)
    .where(sql<boolean>`is_present(users.id)`)
    .orderBy('members.joined_at')
    .orderBy('members.user_id')
    .limit(limit)
    .execute()
}

/** Chats of the guest that go to others once the guest is gone, the oldest first, with who owns each then. */
export async function passingOn(db: Db, user_id: number, limit: number) {
  const { rows } = await sql<{ title: string | null; owner_name: string; heir_name: string; heir_is_guest: boolean }>`
    select c.title, u.name as owner_name, h.name as heir_name, h.guest as heir_is_guest
    from members m
    join users u on u.id = m.user_id
    join chats c on c.id = m.chat_id and c.owner_id = m.user_id
    cross join lateral heir_of(c.id) heir (id)
    join members h on h.chat_id = c.id and h.user_id = heir.id
    where m.user_id = ${user_id} and c.deleted_at is null
    order by c.id
    limit ${limit}`.execute(db)
  return rows
}
