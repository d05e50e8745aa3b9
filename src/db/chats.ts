import { sql } from 'kysely'
import { unread } from './reads.js'
import type { Db } from './schema.js'

/** What a chat's URI looks like, as a pattern. The database has it as a constraint. */
export const URI = '[A-Za-z0-9_-]{22,64}'

export type Chat = NonNullable<Awaited<ReturnType<typeof findChat>>>

/** A new chat under that URI with its owner as first member. Throws for an owner who has no account. */
export function createChat(db: Db, { owner_id, uri, title }: { owner_id: number; uri: string; title: string | null }) {
  return db.transaction().execute(async trx => {
    const { chat_id } = await trx
      .with('chat', chat =>
        chat
          .insertInto('chats')
          .columns(['owner_id', 'title'])
          .expression(from =>
            from
              .selectFrom('users')
              .select(['id', sql.val(title).as('title')])
              .where('id', '=', owner_id)
              .where('kind', '=', 'account')
              .where('deleted_at', 'is', null),
          )
          .returning('id'),
      )
      .insertInto('links')
      .columns(['uri', 'chat_id'])
      .expression(from => from.selectFrom('chat').select([sql.val(uri).as('uri'), 'id']))
      .returning('chat_id')
      .executeTakeFirstOrThrow()
    await joinChat(trx, uri, owner_id)
    return chat_id
  })
}

/**
 * The chat behind a URI as one user sees it: `member_name` is null for who is not (or no longer) a member. A link that was
 * replaced or has expired leads only members to the chat. Without a user it is seen as by a stranger.
 */
export function findChat(db: Db, uri: string, user_id: number | undefined) {
  return db
    .selectFrom('links')
    .innerJoin('chats', 'chats.id', 'links.chat_id')
    .innerJoin('users as owner', 'owner.id', 'chats.owner_id')
    .leftJoin('links as current', join =>
      join.onRef('current.chat_id', '=', 'chats.id').on('current.replaced_at', 'is', null),
    )
    .leftJoin('members', join =>
      join
        .onRef('members.chat_id', '=', 'chats.id')
        .on('members.user_id', '=', user_id ?? null)
        .on('members.left_at', 'is', null),
    )
    .select([
      'chats.id',
      'links.uri',
      'chats.title',
      'chats.version',
      'chats.member_count',
      'chats.read_only_at',
      'chats.joins_closed_at',
      'chats.guests_off_at',
      'chats.created_at',
      // By which others can come in, which the given one may do no more.
      sql<string>`coalesce(current.uri, links.uri)`.as('current_uri'),
      'current.expires_at',
      'owner.id as owner_id',
      'owner.username as owner_username',
      'owner.name as owner_name',
      'members.name as member_name',
    ])
    .where('links.uri', '=', uri)
    .where('chats.deleted_at', 'is', null)
    .where(where =>
      where.or([
        where('members.user_id', 'is not', null),
        where.and([
          where('links.replaced_at', 'is', null),
          where.or([where('links.expires_at', 'is', null), where('links.expires_at', '>', sql<Date>`now()`)]),
        ]),
      ]),
    )
    .executeTakeFirst()
}

/**
 * What became of joining: `joined`; `again`, they were a member already; `taken`, another member has the name; and why they may not:
 * `stranger`, there is no such chat or its link is out of date; `banned`; `closed`, nobody can join; `no guests`.
 */
export interface Joined {
  outcome: 'joined' | 'again' | 'taken' | 'stranger' | 'banned' | 'closed' | 'no guests'
  chat_id: number
  /** The chat's. */
  version: number
}

/**
 * Makes the user a member by the link, with an event that says so; `exactly`, under their own name or not at all. Holds the user's row
 * before it looks at it: whoever gives them another name, or deletes them, finds all the chats that show the old one.
 */
export async function joinChat(db: Db, uri: string, user_id: number, exactly = false): Promise<Joined> {
  const { rows } = await sql<Joined>`
    select j.outcome, j.chat_id, j.version
    from (select id from users where id = ${user_id} for share) u
    cross join lateral join_chat(${uri}, u.id, ${exactly}) j`.execute(db)
  return rows[0] as Joined
}

/** A place in the list of a user's chats: those after it were posted to earlier. */
interface ChatsCursor {
  /** Microseconds since 1970, as text: PostgreSQL's clock is finer than JavaScript's. */
  posted_at: string
  id: number
}

/**
 * The user's chats with their newest message and what is unread in them, the one posted to last first, from `before` on. Which
 * chats those are is settled first: nothing else is looked up for any other.
 */
export function chatsOf(db: Db, user_id: number, limit: number, before?: ChatsCursor) {
  return db
    .with('listed', query =>
      query
        .selectFrom('members')
        .innerJoin('chats', 'chats.id', 'members.chat_id')
        .select([
          'members.chat_id',
          'members.user_id',
          'members.last_read',
          'chats.title',
          'chats.version',
          'chats.owner_id',
          'chats.member_count',
          'chats.last_message',
          'chats.last_posted_at',
          'chats.created_at',
        ])
        .where('members.user_id', '=', user_id)
        .where('members.left_at', 'is', null)
        .where('chats.deleted_at', 'is', null)
        .$if(before !== undefined, query =>
          query.where(
            sql<boolean>`(chats.last_posted_at, chats.id) <
              (to_timestamp(0) + ${before?.posted_at ?? '0'}::bigint * interval '1 microsecond', ${before?.id ?? 0})`,
          ),
        )
        .orderBy('chats.last_posted_at', 'desc')
        .orderBy('chats.id', 'desc')
        .limit(limit),
    )
    .selectFrom('listed as members')
    .innerJoin('users as owner', 'owner.id', 'members.owner_id')
    .innerJoin('links', join => join.onRef('links.chat_id', '=', 'members.chat_id').on('links.replaced_at', 'is', null))
    .leftJoin('events as last', join =>
      join.onRef('last.chat_id', '=', 'members.chat_id').onRef('last.version', '=', 'members.last_message'),
    )
    .leftJoin('members as author', join =>
      // By columns of one table: with those of two, the index by user is gone through for all chats of the author.
      join.onRef('author.chat_id', '=', 'last.chat_id').onRef('author.user_id', '=', 'last.author_id'),
    )
    .select([
      'members.chat_id as id',
      'links.uri',
      'members.title',
      'members.version',
      'members.member_count',
      'members.last_posted_at',
      sql<string>`(extract(epoch from members.last_posted_at) * 1000000)::bigint::text`.as('posted_micros'),
      'members.created_at',
      'owner.name as owner_name',
      'last.text as last_text',
      'author.name as last_author',
      'author.guest as last_author_is_guest',
      'members.last_message',
      'members.last_read',
      unread.count.as('unread'),
      unread.mentions.as('mentioned'),
    ])
    .orderBy('members.last_posted_at', 'desc')
    .orderBy('members.chat_id', 'desc')
    .execute()
}
