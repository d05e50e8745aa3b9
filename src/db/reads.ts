import { type QueryCreator, sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db, Schema } from './schema.js'

/** How far a member has read. Only messages of others count. A count of 100 means 100 or more. */
export interface Standing {
  last_read: number
  unread: number
  /** How many unread messages mention them. */
  mentioned: number
  /** The id of the first unread message. */
  first_unread: number | null
}

/** Columns of a query of `members`: what the member has not read. Own and deleted messages do not count. */
export const unread = {
  count: sql<number>`(select count(*)::int from (${unreadMessages()} limit ${sql.lit(LIMITS.unreadCounted)}) as unread)`,
  first: sql<number | null>`(${unreadMessages()} limit 1)`,
  mentions: sql<number>`(
    select count(*)::int from (
      select 1 from mentions
      where mentions.user_id = members.user_id and mentions.chat_id = members.chat_id
        and mentions.version > members.last_read
      limit ${sql.lit(LIMITS.unreadCounted)}
    ) as mentioned
  )`,
}

function unreadMessages() {
  return sql`
    select looked.version
    from (
      select version, author_id, deleted_at from events
      where events.chat_id = members.chat_id and events.version > members.last_read and events.kind = 'message'
      order by version
      limit ${sql.lit(LIMITS.unreadLookedAt)}
    ) as looked
    where looked.author_id <> members.user_id and looked.deleted_at is null`
}

/** A member of a chat. */
interface MemberId {
  chat_id: number
  user_id: number
}

/** A query for how far a member has read. */
export function standingOf(db: Db, { chat_id, user_id }: MemberId) {
  return db
    .selectFrom('members')
    .select([
      'members.last_read',
      unread.count.as('unread'),
      unread.mentions.as('mentioned'),
      unread.first.as('first_unread'),
    ])
    .where('members.chat_id', '=', chat_id)
    .where('members.user_id', '=', user_id)
    .where('members.left_at', 'is', null)
}

/**
 * A query that sets how far the member has read: up to a version, or everything. It never moves backwards, nor beyond the chat's version.
 */
function readUpTo(db: Db, { chat_id, user_id }: MemberId, version = Number.MAX_SAFE_INTEGER) {
  const reached = sql<number>`least(${version}::bigint, chats.version)`
  return db
    .updateTable('members')
    .from('chats')
    .set({ last_read: reached })
    .whereRef('chats.id', '=', 'members.chat_id')
    .where('members.chat_id', '=', chat_id)
    .where('members.user_id', '=', user_id)
    .where('members.left_at', 'is', null)
    .where('members.last_read', '<', reached)
    .returning('members.last_read')
}

/** The user to whom a chat is shown. */
export interface Reader {
  user_id: number
  /** What they have read then: up to a version, or everything; null if showing it does not count as reading. */
  reads: number | 'everything' | null
}

/**
 * The beginning of a statement that shows a chat: it notes what the reader has read with it. The rest of the statement still sees how far
 * they had read before.
 */
export function notingRead(db: Db, chat_id: number, { user_id, reads }: Reader): QueryCreator<Schema> {
  if (reads === null) {
    return db
  }
  const version = reads === 'everything' ? undefined : reads
  return db.with('noted', () => readUpTo(db, { chat_id, user_id }, version))
}

/** Moves the member's last-read version forward, and returns it. Undefined if they are no member. */
export async function markRead(db: Db, member: MemberId, version: number): Promise<number | undefined> {
  const row = await db
    .with('moved', () => readUpTo(db, member, version))
    .selectFrom('members')
    .select(eb => eb.fn.coalesce(eb.selectFrom('moved').select('moved.last_read'), 'members.last_read').as('last_read'))
    .where('members.chat_id', '=', member.chat_id)
    .where('members.user_id', '=', member.user_id)
    .where('members.left_at', 'is', null)
    .executeTakeFirst()
  return row?.last_read
}
