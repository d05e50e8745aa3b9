import { sql } from 'kysely'
import type { Db } from './schema.js'

/** One message on its way into a chat. */
export interface Post {
  uri: string
  author_id: number
  /** With \n as line ends. A key that comes again must come with the same text, which is compared by hash. */
  text: string
  key: string | null
  /** The message that it answers. */
  reply_to: number | null
  /** The names behind its @s (src/text/markdown.ts mentionedNames). Which of them are members is decided with the post. */
  names: readonly string[]
}

/**
 * What became of one post: `posted`; `again`, it was posted before with that key; `conflict`, another text was posted with that
 * key; `stranger`, the author is no member or there is no such chat; `read only`, nobody may post; `refused`, the text does not fit;
 * `unanswerable`, there is no such message to answer.
 */
export type Outcome = Posted | { outcome: 'conflict' | 'stranger' | 'read only' | 'refused' | 'unanswerable' }

export interface Posted {
  outcome: 'posted' | 'again'
  chat_id: number
  /** The message's id. */
  version: number
  created_at: Date
}

/**
 * Posts all of them in one call, and judges each separately, in their order (src/db/functions/post_messages.sql). If another transaction
 * has locked a chat, the outcome of its posts is `busy`; with `wait` the call waits for the lock instead, and throws SQLSTATE 55P03 after
 * 2 s.
 */
export async function postMessages(db: Db, posts: readonly Post[], how: { wait: true }): Promise<Outcome[]>
export async function postMessages(db: Db, posts: readonly Post[], how: { wait: false }): Promise<(Outcome | Busy)[]>
export async function postMessages(db: Db, posts: readonly Post[], { wait }: { wait: boolean }) {
  const { rows } = await sql<Outcome | Busy>`
    select outcome, chat_id, version, created_at
    from post_messages(
      array(
        select l.chat_id
        from unnest(${posts.map(post => post.uri)}::text[]) with ordinality as u (uri, place)
        left join links l on l.uri = u.uri
        order by u.place
      ),
      ${posts.map(post => post.author_id)}::bigint[],
      ${posts.map(post => post.text)}::text[],
      ${posts.map(post => post.key)}::text[],
      ${posts.map(post => post.reply_to)}::bigint[],
      ${posts.map(post => namesJson(post.names))}::text[],
      ${wait}
    )
    order by ord`.execute(db)
  return rows
}

/** Whether the author has posted a message with that key in the chat. */
export async function hasPosted(db: Db, { uri, author_id, key }: { uri: string; author_id: number; key: string }) {
  const found = await db
    .selectFrom('events')
    .innerJoin('links', 'links.chat_id', 'events.chat_id')
    .select('version')
    .where('uri', '=', uri)
    .where('author_id', '=', author_id)
    .where('key', '=', key)
    .executeTakeFirst()
  return found !== undefined
}

interface Busy {
  outcome: 'busy'
}

function namesJson(names: readonly string[]): string | null {
  return names.length > 0 ? JSON.stringify(names) : null
}

/** What became of a change of a message, and the chat's version after it. */
interface Changed<Outcome> {
  outcome: Outcome
  version: number
}

/** Replaces the message's text. Only its author can. */
export async function editMessage(
  db: Db,
  {
    chat_id,
    editor_id,
    id,
    text,
    names,
  }: MessageChange & { editor_id: number; text: string; names: readonly string[] },
) {
  const { rows } = await sql<Changed<'edited' | 'same' | 'gone' | 'not yours' | 'read only' | 'refused'>>`
    select outcome, version from edit_message(${chat_id}, ${editor_id}, ${id}, ${text}, ${namesJson(names)})`.execute(
    db,
  )
  return only(rows)
}

/** Deletes the message's text for good. Its author and the chat's owner can. */
export async function deleteMessage(db: Db, { chat_id, deleter_id, id }: MessageChange & { deleter_id: number }) {
  const { rows } = await sql<Changed<'deleted' | 'again' | 'gone' | 'not yours'>>`
    select outcome, version from delete_message(${chat_id}, ${deleter_id}, ${id})`.execute(db)
  return only(rows)
}

interface MessageChange {
  chat_id: number
  id: number
}

function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (!row) {
    throw new Error('The function said nothing')
  }
  return row
}
