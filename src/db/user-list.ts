import { sql } from 'kysely'
import { foldUsername } from '../text/names.js'
import type { Db } from './schema.js'

/** What an operator sees of a user. */
export type ListedUser = Awaited<ReturnType<typeof usersAfter>>[number]

/** Users whose name or username begins so, in whatever case; behind the user with the id `after`, in the order of ids. */
export function usersAfter(db: Db, after: number, beginning: string, limit: number) {
  const folded = foldUsername(beginning)
  return listed(db)
    .where('users.id', '>', after)
    .where(
      sql<boolean>`(starts_with(users.folded_name, ${folded}) or starts_with(coalesce(users.folded_username, ''), ${folded}))`,
    )
    .orderBy('users.id')
    .limit(limit)
    .execute()
}

/** The account with that username, or the user with that id. */
export function findListedUser(db: Db, who: string | number) {
  return listed(db)
    .select(['users.email', 'users.password_hash'])
    .$if(typeof who === 'string', query => query.where('users.folded_username', '=', foldUsername(String(who))))
    .$if(typeof who === 'number', query => query.where('users.id', '=', Number(who)))
    .executeTakeFirst()
}

function listed(db: Db) {
  return db
    .selectFrom('users')
    .select(({ selectFrom, fn }) => [
      'users.id',
      'users.kind',
      'users.username',
      'users.name',
      'users.created_at',
      sql<Date | null>`greatest(
        (select max(s.last_used_at) from sessions s where s.user_id = users.id),
        (select max(t.last_used_at) from tokens t where t.user_id = users.id),
        (select max(m.seen_at) from members m where m.user_id = users.id))`.as('seen_at'),
      selectFrom('members')
        .whereRef('user_id', '=', 'users.id')
        .where('left_at', 'is', null)
        .select(fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('chats'),
      selectFrom('sessions')
        .whereRef('user_id', '=', 'users.id')
        .select(fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('sessions'),
      selectFrom('tokens')
        .whereRef('user_id', '=', 'users.id')
        .select(fn.countAll<number>().as('n'))
        .$asScalar()
        .$notNull()
        .as('tokens'),
    ])
    .where('users.deleted_at', 'is', null)
}
