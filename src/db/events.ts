import { type Selectable, sql } from 'kysely'
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres'
import { compiledOnce } from './compiled.js'
import { fromJson as memberFromJson, membersOf, shownKind } from './members.js'
import { reactionsOf } from './reactions.js'
import { notingRead, type Reader, standingOf } from './reads.js'
import { ASIDES, type Db, type EventKind, type Schema, type UserKind } from './schema.js'

/**
 * An event with what is needed to show it. If it changes a message, all fields from `id` on are those of the message as it is now;
 * otherwise they are the event's own.
 */
export interface Event
  extends Pick<
    Selectable<Schema['events']>,
    'key' | 'text' | 'created_at' | 'edited_at' | 'deleted_at' | 'mentions' | 'reactions' | 'reply_to'
  > {
  version: number
  kind: EventKind
  /** The user who did it. For an event that changes a message, not always the author. */
  actor_id: number
  actor_username: string
  actor_name: string
  actor_kind: UserKind
  /** The version of the message, or of the event itself. */
  id: number
  author_id: number
  author_username: string
  author_name: string
  author_kind: UserKind
  /** The message that it answers, as that is now. */
  reply_author_id: number | null
  reply_author_name: string | null
  reply_author_kind: UserKind | null
  reply_text: string | null
  /** The entry before it in the list. */
  previous_author_id: number | null
  previous_kind: EventKind | null
  previous_created_at: Date | null
}

/** Whether it changes a message, and is no entry of the list itself. */
export function isAboutAnother(event: Pick<Event, 'id' | 'version'>): boolean {
  return event.id !== event.version
}

/** The message with that id. */
export async function findMessage(db: Db, chat_id: number, id: number): Promise<Event | undefined> {
  return await selectEvents(db, chat_id)
    .where('e.kind', '=', sql.lit('message'))
    .where('e.version', '=', id)
    .executeTakeFirst()
}

/** The chat's events after `version`, in order, at most `limit`. */
export function eventsAfter(db: Db, chat_id: number, version: number, limit: number): Promise<Event[]> {
  return behind(db, { chat_id, version, limit })
}

const behind = compiledOnce((db, { chat_id, version, limit }: { chat_id: number; version: number; limit: number }) =>
  selectEvents(db, chat_id).where('e.version', '>', version).orderBy('e.version').limit(limit),
)

/** The versions of the events of the chat at or before `version`, and after it, that are nearest; null where there is none. */
export async function eventsAround(db: Db, chat_id: number, version: number) {
  const events = db.selectFrom('events').where('chat_id', '=', chat_id)
  return await db
    .selectNoFrom([
      events
        .where('version', '<=', version)
        .select(eb => eb.fn.max('version').as('version'))
        .as('before'),
      events
        .where('version', '>', version)
        .select(eb => eb.fn.min('version').as('version'))
        .as('after'),
    ])
    .executeTakeFirstOrThrow()
}

/** A message and what was said around it, each oldest first. */
export interface InContext {
  message: Event
  before: Event[]
  after: Event[]
  /** The emoji by which the reader reacted to the message. */
  mine: string[]
}

/**
 * The message with that id in its context: at most `each` messages right before it and right after it. In one statement. Undefined if
 * there is no such message. The result is named, because lint took a minute to infer it from the query.
 */
export async function messageInContext(
  db: Db,
  { chat_id, id, user_id }: { chat_id: number; id: number; user_id: number },
  each: number,
): Promise<InContext | undefined> {
  const { upTo, after, mine } = await db
    .selectNoFrom([
      jsonArrayFrom(messagesOf(db, chat_id, { messages: each + 1, before: id + 1 })).as('upTo'),
      jsonArrayFrom(
        selectEvents(db, chat_id)
          .where('e.kind', '=', sql.lit('message'))
          .where('e.version', '>', id)
          .orderBy('e.version')
          .limit(each),
      ).as('after'),
      jsonArrayFrom(reactionsOf(db, { chat_id, id, user_id })).as('mine'),
    ])
    .executeTakeFirstOrThrow()
  const [message, ...before] = upTo.map(fromJson)
  return message?.id === id
    ? { message, before: before.reverse(), after: after.map(fromJson), mine: mine.map(({ emoji }) => emoji) }
    : undefined
}

/**
 * The chat's newest messages before the id `before`, oldest first, at most `limit`. `more`: whether there are older ones. `version`: the
 * chat's version at that moment.
 */
export async function newestMessages(db: Db, chat_id: number, limit: number, before?: number) {
  const [row] = await newest(db, { chat_id, messages: limit + 1, before })
  const { version, rows } = row ?? { version: null, rows: [] }
  const messages = rows.map(fromJson).reverse()
  return { version: version ?? 0, more: messages.length > limit, messages: messages.slice(-limit) }
}

const newest = compiledOnce((db, { chat_id, messages, before }: Part & { chat_id: number }) =>
  db.selectNoFrom([
    versionOf(db, chat_id).as('version'),
    jsonArrayFrom(messagesOf(db, chat_id, { messages, before })).as('rows'),
  ]),
)

/** The part of a chat that a page shows: its last messages; the last ones before the id `before`; or the first ones from the id `from` on. */
export interface Part {
  messages: number
  before?: number | undefined
  from?: number | undefined
}

/**
 * What the chat's page shows, read in one statement: at most `messages` messages, at most as many small events between and around them,
 * the first members, and how far the reader had read before this page. `more`: whether there are earlier messages. `newer`: the id of the
 * message after them, if they begin with `from`.
 */
export async function chatView(
  db: Db,
  chat_id: number,
  { messages, members, before, from, reader }: Part & { members: number; reader: Reader },
) {
  const reads = reader.reads === 'everything' ? Number.MAX_SAFE_INTEGER : (reader.reads ?? undefined)
  const { user_id } = reader
  const [row] = await viewed(db, { chat_id, messages, one_more: messages + 1, members, before, from, user_id, reads })
  if (!row) {
    throw new Error('The statement gave no row')
  }
  const events = [...row.messages.slice(0, messages), ...row.asides].map(fromJson)
  const beyond = row.messages[messages]?.version ?? null
  return {
    version: row.version ?? 0,
    more: from === undefined ? beyond !== null : row.earlier !== null,
    newer: from === undefined ? null : beyond,
    member_count: row.member_count ?? 0,
    members: row.members.map(memberFromJson),
    standing: row.standing,
    events: events.sort((a, b) => a.version - b.version),
  }
}

type Viewed = Part & Record<'chat_id' | 'one_more' | 'members' | 'user_id', number> & { reads: number | undefined }

const viewed = compiledOnce((db, { chat_id, messages, one_more, members, before, from, user_id, reads }: Viewed) => {
  const shown = messagesOf(db, chat_id, { messages: one_more, before, from })
  // The first message that is left out, if there is one. What is beyond it belongs to another page.
  const leftOut = messagesOf(db, chat_id, { messages: 1, before, from })
    .offset(messages)
    .clearSelect()
    .select('e.version')
  const asides = selectEvents(db, chat_id)
    .where(
      'e.kind',
      'in',
      ASIDES.map(kind => sql.lit<EventKind>(kind)),
    )
    .$if(from === undefined, query => query.where('e.version', '>', eb => eb.fn.coalesce(leftOut, sql<number>`0`)))
    .$if(from !== undefined, query =>
      query
        .where('e.version', '>=', from ?? 0)
        .where('e.version', '<', eb => eb.fn.coalesce(leftOut, sql<number>`${Number.MAX_SAFE_INTEGER}::bigint`)),
    )
    .$if(before !== undefined, query => query.where('e.version', '<', before ?? 0))
    .orderBy('e.version', from === undefined ? 'desc' : 'asc')
    .limit(messages)
  return notingRead(db, chat_id, { user_id, reads: reads ?? null }).selectNoFrom([
    versionOf(db, chat_id).as('version'),
    db.selectFrom('chats').select('member_count').where('id', '=', chat_id).as('member_count'),
    jsonArrayFrom(shown).as('messages'),
    jsonArrayFrom(asides).as('asides'),
    jsonArrayFrom(membersOf(db, chat_id, members)).as('members'),
    jsonObjectFrom(standingOf(db, { chat_id, user_id })).as('standing'),
    messagesOf(db, chat_id, { messages: 1, before: from ?? 0 })
      .clearSelect()
      .select('e.version')
      .as('earlier'),
  ])
})

/** Newest first, or oldest first if the part begins with `from`. */
function messagesOf(db: Db, chat_id: number, { messages, before, from }: Part) {
  return selectEvents(db, chat_id)
    .where('e.kind', '=', sql.lit('message'))
    .$if(before !== undefined, query => query.where('e.version', '<', before ?? 0))
    .$if(from !== undefined, query => query.where('e.version', '>=', from ?? 0))
    .orderBy('e.version', from === undefined ? 'desc' : 'asc')
    .limit(messages)
}

function versionOf(db: Db, chat_id: number) {
  return db.selectFrom('chats').select('version').where('id', '=', chat_id)
}

function selectEvents(db: Db, chat_id: number) {
  return shownEvents(db).where('e.chat_id', '=', chat_id)
}

/** Events of all chats as `e`, with what is needed to show them: the caller says which. */
export function shownEvents(db: Db) {
  return (
    db
      .selectFrom('events as e')
      .innerJoin('users as a', 'a.id', 'e.author_id')
      .leftJoin('members as am', join =>
        join.onRef('am.chat_id', '=', 'e.chat_id').onRef('am.user_id', '=', 'e.author_id'),
      )
      // The entry that is shown: the message that it changes, or itself.
      .innerJoin('events as t', join =>
        join.onRef('t.chat_id', '=', 'e.chat_id').on('t.version', '=', eb => eb.fn.coalesce('e.about', 'e.version')),
      )
      .innerJoin('users as u', 'u.id', 't.author_id')
      .leftJoin('members as m', join =>
        join.onRef('m.chat_id', '=', 'e.chat_id').onRef('m.user_id', '=', 't.author_id'),
      )
      .leftJoin('events as p', join =>
        join
          .onRef('p.chat_id', '=', 'e.chat_id')
          .on('p.version', '=', eb => eb.fn.coalesce('t.previous', eb('t.version', '-', 1))),
      )
      .leftJoin('events as r', join => join.onRef('r.chat_id', '=', 'e.chat_id').onRef('r.version', '=', 't.reply_to'))
      .leftJoin('members as rm', join =>
        join.onRef('rm.chat_id', '=', 'e.chat_id').onRef('rm.user_id', '=', 'r.author_id'),
      )
      .select([
        'e.version',
        'e.kind',
        'e.author_id as actor_id',
        'a.username as actor_username',
        sql<string>`coalesce(am.name, a.name)`.as('actor_name'),
        shownKind('am.guest', sql.ref('a.kind')).as('actor_kind'),
        't.version as id',
        't.key',
        't.text',
        't.created_at',
        't.edited_at',
        't.deleted_at',
        't.mentions',
        't.reactions',
        't.reply_to',
        't.author_id',
        'u.username as author_username',
        sql<string>`coalesce(m.name, u.name)`.as('author_name'),
        shownKind('m.guest', sql.ref('u.kind')).as('author_kind'),
        'r.author_id as reply_author_id',
        'rm.name as reply_author_name',
        shownKind('rm.guest', sql`(select kind from users where id = r.author_id)`).as('reply_author_kind'),
        'r.text as reply_text',
        'p.author_id as previous_author_id',
        'p.kind as previous_kind',
        'p.created_at as previous_created_at',
      ])
  )
}

type Times = 'created_at' | 'edited_at' | 'deleted_at' | 'previous_created_at'

/** PostgreSQL writes times into JSON as text. */
function fromJson<E extends { [time in Times]: string | null }>(event: E) {
  return {
    ...event,
    created_at: new Date(event.created_at ?? 0),
    edited_at: date(event.edited_at),
    deleted_at: date(event.deleted_at),
    previous_created_at: date(event.previous_created_at),
  }
}

function date(text: string | null): Date | null {
  return text === null ? null : new Date(text)
}
