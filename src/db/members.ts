import type { Db } from './schema.js'

export type Member = Awaited<ReturnType<ReturnType<typeof membersOf>['execute']>>[number]

/** A query for the chat's members in the order they joined, so the one who started it comes first. */
export function membersOf(db: Db, chat_id: number, limit: number) {
  return db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['users.id', 'users.username', 'members.name'])
    .where('members.chat_id', '=', chat_id)
    .where('members.left_at', 'is', null)
    .orderBy('members.joined_at')
    .orderBy('members.user_id')
    .limit(limit)
}
