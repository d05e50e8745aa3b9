import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import { notingRead, type Reader, standingOf } from './reads.js'
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

/** The first of the chat's members, how many there are, and how far one of them has read, before it is noted that they have read up to `upTo`. */
export async function countedMembers(db: Db, chat_id: number, limit: number, reader: Reader) {
  const row = await notingRead(db, chat_id, reader)
    .selectNoFrom([
      db.selectFrom('chats').select('member_count').where('id', '=', chat_id).as('member_count'),
      jsonArrayFrom(membersOf(db, chat_id, limit)).as('members'),
      jsonObjectFrom(standingOf(db, { chat_id, user_id: reader.user_id })).as('standing'),
    ])
    .executeTakeFirstOrThrow()
  return { member_count: row.member_count ?? 0, members: row.members as Member[], standing: row.standing }
}
