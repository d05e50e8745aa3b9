import { type Selectable, sql } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'
import { type Member, membersOf } from './members.js'
import type { Db, EventKind, Schema } from './schema.js'

/** An event with what is needed to show it: who it is by, and what came right before it in the chat. */
export interface Event extends Pick<Selectable<Schema['events']>, 'version' | 'kind' | 'text' | 'created_at'> {
  author_id: number
  author_username: string
  author_name: string
  previous_author_id: number | null
  previous_kind: string | null
  previous_created_at: Date | null
}

/** The chat's events after `version`, in order, at most `limit`. */
export async function eventsAfter(db: Db, chat_id: number, version: number, limit: number): Promise<Event[]> {
  return await selectEvents(db, chat_id).where('e.version', '>', version).orderBy('e.version').limit(limit).execute()
}

/**
 * The chat's newest messages before `before` (a message's id), oldest first, at most `limit`; `more` says whether older
 * ones were left out, `version` which version of the chat the answer is of.
 */
export async function newestMessages(db: Db, chat_id: number, limit: number, before?: number) {
  const { version, rows } = await db
    .selectNoFrom([
      versionOf(db, chat_id).as('version'),
      jsonArrayFrom(messagesBefore(db, chat_id, limit + 1, before)).as('rows'),
    ])
    .executeTakeFirstOrThrow()
  const messages = rows.map(fromJson).reverse()
  return { version: version ?? 0, more: messages.length > limit, messages: messages.slice(-limit) }
}

/**
 * What the chat's page shows, of one moment and in one statement: the newest messages before `before` as above, with the
 * small events between and after them (as many at most), and the first members.
 */
export async function chatView(
  db: Db,
  chat_id: number,
  { messages, members, before }: { messages: number; members: number; before?: number | undefined },
) {
  const shown = messagesBefore(db, chat_id, messages + 1, before)
  // The newest message that is left out, if there is one: what lies before it is another page's.
  const leftOut = messagesBefore(db, chat_id, 1, before).offset(messages).clearSelect().select('e.version')
  const asides = selectEvents(db, chat_id)
    .where('e.kind', 'in', [sql.lit<EventKind>('joined'), sql.lit<EventKind>('left')])
    .where('e.version', '>', eb => eb.fn.coalesce(leftOut, sql<number>`0`))
    .$if(before !== undefined, query => query.where('e.version', '<', before ?? 0))
    .orderBy('e.version', 'desc')
    .limit(messages)
  const row = await db
    .selectNoFrom([
      versionOf(db, chat_id).as('version'),
      db.selectFrom('chats').select('member_count').where('id', '=', chat_id).as('member_count'),
      jsonArrayFrom(shown).as('messages'),
      jsonArrayFrom(asides).as('asides'),
      jsonArrayFrom(membersOf(db, chat_id, members)).as('members'),
    ])
    .executeTakeFirstOrThrow()
  const events = [...row.messages.slice(0, messages), ...row.asides].map(fromJson)
  return {
    version: row.version ?? 0,
    more: row.messages.length > messages,
    member_count: row.member_count ?? 0,
    members: row.members as Member[],
    events: events.sort((a, b) => a.version - b.version),
  }
}

function messagesBefore(db: Db, chat_id: number, limit: number, before: number | undefined) {
  return selectEvents(db, chat_id)
    .where('e.kind', '=', sql.lit('message'))
    .$if(before !== undefined, query => query.where('e.version', '<', before ?? 0))
    .orderBy('e.version', 'desc')
    .limit(limit)
}

function versionOf(db: Db, chat_id: number) {
  return db.selectFrom('chats').select('version').where('id', '=', chat_id)
}

function selectEvents(db: Db, chat_id: number) {
  return db
    .selectFrom('events as e')
    .innerJoin('users as u', 'u.id', 'e.author_id')
    .leftJoin('members as m', join => join.onRef('m.chat_id', '=', 'e.chat_id').onRef('m.user_id', '=', 'e.author_id'))
    .leftJoin('events as p', join =>
      join.onRef('p.chat_id', '=', 'e.chat_id').on('p.version', '=', eb => eb('e.version', '-', 1)),
    )
    .select([
      'e.version',
      'e.kind',
      'e.text',
      'e.created_at',
      'e.author_id',
      'u.username as author_username',
      sql<string>`coalesce(m.name, u.username)`.as('author_name'),
      'p.author_id as previous_author_id',
      'p.kind as previous_kind',
      'p.created_at as previous_created_at',
    ])
    .where('e.chat_id', '=', chat_id)
}

/** PostgreSQL writes times into JSON as text. */
function fromJson<E extends { created_at: string; previous_created_at: string | null }>(event: E) {
  return {
    ...event,
    created_at: new Date(event.created_at),
    previous_created_at: event.previous_created_at === null ? null : new Date(event.previous_created_at),
  }
}
