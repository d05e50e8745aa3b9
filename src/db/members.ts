import { jsonArrayFrom } from 'kysely/helpers/postgres'
import type { Db } from './schema.js'

export type Member = Awaited<ReturnType<ReturnType<typeof membersOf>['execute']>>[number]

/** A query for the chat's members in the order they joined, so the one who started it comes first. */
export function membersOf(db: Db, chat_id: number, limit: number) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['users.id', 'users.username', 'members.name', 'members.guest'])
    .where('members.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
    .orderBy('members.joined_at')
    .orderBy('members.user_id')
    .limit(limit)
}

/** The first of the chat's members, and how many there are. */
export async function countedMembers(db: Db, chat_id: number, limit: number) {
  const row = await db
    .selectNoFrom([
      db.selectFrom('chats').select('member_count').where('id', '=', chat_id).as('member_count'),
      jsonArrayFrom(membersOf(db, chat_id, limit)).as('members'),
    ])
    .executeTakeFirstOrThrow()
  return { member_count: row.member_count ?? 0, members: row.members as Member[] }
}
