import { sql } from 'kysely'
import { RETENTION } from './retention.js'
import type { Db } from './schema.js'

/** What an operator sees of a chat. */
export type ListedChat = Awaited<ReturnType<typeof chatsAfter>>[number]

/** The chat's name as pages show it. */
const NAME = sql<string>`coalesce(chats.title, 'Chat started by ' || owner.name)`

/** Chats whose name begins so, in whatever case; behind the chat with the id `after`, in the order of ids. */
export function chatsAfter(db: Db, after: number, beginning: string, limit: number) {
  return listed(db)
    .where('chats.id', '>', after)
    .where(sql<boolean>`starts_with(lower(${NAME}), lower(${beginning}))`)
    .orderBy('chats.id')
    .limit(limit)
    .execute()
}

/** The same of one chat, with its uri. */
export function findListedChat(db: Db, chat_id: number) {
  return listed(db)
    .select([
      'links.uri',
      'links.expires_at',
      'chats.owner_id',
      'chats.title',
      'owner.name as owner_name',
      ...RETENTION,
    ])
    .where('chats.id', '=', chat_id)
    .executeTakeFirst()
}

function listed(db: Db) {
  return (
    db
      .selectFrom('chats')
      .innerJoin('users as owner', 'owner.id', 'chats.owner_id')
      // One whose import is not whole has no link.
      .innerJoin('links', join => join.onRef('links.chat_id', '=', 'chats.id').on('links.replaced_at', 'is', null))
      .select(({ selectFrom, fn }) => [
        'chats.id',
        NAME.as('name'),
        'owner.username as owner',
        'chats.member_count as members',
        selectFrom('events')
          .whereRef('chat_id', '=', 'chats.id')
          .where('kind', '=', sql.lit('message'))
          .where('deleted_at', 'is', null)
          .select(fn.countAll<number>().as('n'))
          .$asScalar()
          .$notNull()
          .as('messages'),
        'chats.last_posted_at',
        'chats.created_at',
        'chats.read_only_at',
      ])
      .where('chats.deleted_at', 'is', null)
  )
}
