import { type RawBuilder, sql } from 'kysely'
import { compiledOnce } from './compiled.js'
import { shownKind } from './members.js'
import { unread } from './reads.js'
import { RETENTION } from './retention.js'
import type { Db } from './schema.js'
import { type Submission, storeSubmission } from './submissions.js'

/** The pattern of a chat's URI. The database has the same one as a constraint. */
export const URI = '[A-Za-z0-9_-]{22,64}'

export type Chat = NonNullable<Awaited<ReturnType<typeof findChat>>>

interface NewChat {
  owner_id: number
  uri: string
  title: string | null
}

/** Creates a chat under the URI, with its owner as the first member. Returns its id. Throws if the owner was deleted, and SentBefore. */
export function createChat(db: Db, chat: NewChat, submission: Submission | null = null): Promise<number> {
  return db.transaction().execute(async trx => {
    if (submission) {
      await storeSubmission(trx, submission, null)
    }
    return insertChat(trx, chat)
  })
}

/** The same, in the transaction of the caller. */
export async function insertChat(trx: Db, { owner_id, uri, title }: NewChat): Promise<number> {
  const { chat_id } = await trx
    .with('chat', chat =>
      chat
        .insertInto('chats')
        .columns(['owner_id', 'title', 'accountless'])
        .expression(from =>
          from
            .selectFrom('users')
            .select(['id', sql.val(title).as('title'), sql<boolean>`kind = 'guest'`.as('accountless')])
            .where('id', '=', owner_id)
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
}

/**
 * The chat behind a URI as the user sees it; without a user, as a stranger does. `member_name` is null if the user is not a member now.
 * A link that was replaced or has expired leads only members to the chat.
 */
export async function findChat(db: Db, uri: string, user_id: number | undefined) {
  const [chat] = await chatBehind(db, { uri, user_id: user_id ?? null })
  return chat
}

const chatBehind = compiledOnce((db, { uri, user_id }: { uri: string; user_id: number | null }) =>
  db
    .selectFrom('links')
    .innerJoin('chats', 'chats.id', 'links.chat_id')
    .innerJoin('users as owner', 'owner.id', 'chats.owner_id')
    .leftJoin('links as current', join =>
      join.onRef('current.chat_id', '=', 'chats.id').on('current.replaced_at', 'is', null),
    )
    .leftJoin('members', join =>
      join
        .onRef('members.chat_id', '=', 'chats.id')
        .on('members.user_id', '=', user_id)
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
      'chats.days_by_owner',
      ...RETENTION,
      'chats.accountless',
      'chats.created_at',
      // The link that lets others in. The given one may be an old one.
      sql<string>`coalesce(current.uri, links.uri)`.as('current_uri'),
      'current.expires_at',
      'owner.id as owner_id',
      'owner.username as owner_username',
      'owner.name as owner_name',
      'owner.kind as owner_kind',
      'owner.version as owner_version',
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
    ),
)

/**
 * What became of joining: `joined`; `again`, they were a member already; `taken`, another member has the name; `lookalike`, another's looks
 * like it; `stranger`, there is no such chat or the link was replaced or has expired; `banned`; `closed`, the chat takes no new members;
 * `no guests`, it takes no guests.
 */
export interface Joined {
  outcome: 'joined' | 'again' | 'taken' | 'lookalike' | 'stranger' | 'banned' | 'closed' | 'no guests'
  chat_id: number
  /** The chat's. */
  version: number
}

/**
 * Makes the user a member by the link, and appends an event. `exactly`: under their own name or not at all. It locks the user's row before
 * it reads the name, so that a change of the name, or a deletion of the user, finds this chat among those that show the old name.
 */
export async function joinChat(db: Db, uri: string, user_id: number, exactly = false): Promise<Joined> {
  const { rows } = await sql<Joined>`
    select j.outcome, j.chat_id, j.version
    from (select id from users where id = ${user_id} for share) u
    cross join lateral join_by_link(${uri}, u.id, ${exactly}) j`.execute(db)
  return rows[0] as Joined
}

/** A cursor of the list of a user's chats. The chats behind it were posted to earlier. */
interface ChatsCursor {
  /** Microseconds since 1970, as text: PostgreSQL's clock is finer than JavaScript's. */
  posted_at: string
  id: number
}

/**
 * The user's chats behind `before`, the one posted to last first, with the newest message and the unread count of each: what pages show of
 * them. Each column takes a hundredth of the statement's time and of its client's.
 */
export async function chatsOf(db: Db, user_id: number, limit: number, before?: ChatsCursor) {
  return timed(await shownChats(db, { user_id, limit, posted_at: before?.posted_at, id: before?.id }))
}

/** The same with what programs get besides. */
export async function chatsWithVersions(db: Db, user_id: number, limit: number, before?: ChatsCursor) {
  return timed(await fullChats(db, { user_id, limit, posted_at: before?.posted_at, id: before?.id }))
}

const shownChats = compiledOnce(listedChats)

const fullChats = compiledOnce((db, values: ListedChats) =>
  listedChats(db, values).select(['members.version', 'members.created_at', 'members.last_read']),
)

/** The client takes longer to parse a time than a number. */
function timed<Row extends { posted_micros: string }>(rows: readonly Row[]) {
  return rows.map(row => Object.assign(row, { last_posted_at: new Date(Math.floor(Number(row.posted_micros) / 1000)) }))
}

/** The statement first picks the chats of the page, so that it looks up nothing for the others. */
function listedChats(db: Db, { user_id, limit, posted_at, id }: ListedChats) {
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
        .$if(id !== undefined, query =>
          query.where(
            sql<boolean>`(chats.last_posted_at, chats.id) <
              (to_timestamp(0) + ${posted_at}::bigint * interval '1 microsecond', ${id})`,
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
      // Both columns are of one table. With columns of two, PostgreSQL would read all chats of the author in the index by user.
      join.onRef('author.chat_id', '=', 'last.chat_id').onRef('author.user_id', '=', 'last.author_id'),
    )
    .select([
      'members.chat_id as id',
      'links.uri',
      'members.title',
      'members.member_count',
      sql<string>`(extract(epoch from members.last_posted_at) * 1000000)::bigint::text`.as('posted_micros'),
      'owner.name as owner_name',
      'last.text as last_text',
      'author.name as last_author',
      shownKind('author.guest', sql`(select kind from users where id = last.author_id)`).as('last_author_kind'),
      'members.last_message',
      ifNews(unread.count).as('unread'),
      ifNews(unread.mentions).as('mentioned'),
    ])
    .orderBy('members.last_posted_at', 'desc')
    .orderBy('members.chat_id', 'desc')
}

/** The count, without looking for anything where the newest message was read, as it was in most chats. */
function ifNews(count: RawBuilder<number>) {
  return sql<number>`case when members.last_message > members.last_read then ${count} else 0 end`
}

interface ListedChats {
  user_id: number
  limit: number
  posted_at: string | undefined
  id: number | undefined
}
