import type pg from 'pg'
import type { Post } from './posts.js'

/** One chat of the trial. */
export interface Chat {
  /** Its number in the trial, from 0. */
  number: number
  uri: string
  id: number
  /** Up to this version everything has been audited. */
  audited: number
  /** The posts since then, by their keys. */
  posts: Map<string, Post>
  /** When the first reader got each version since then, in `performance.now()`'s time. */
  firstSeen: Map<number, number>
  /** What the members who leave and come back did, as acknowledged. */
  leavings: number
  /** Ids of those members. */
  wanderers: Set<number>
}

/** One event as the database has it, with what its message is now. */
export interface Row {
  version: number
  kind: string
  author: number
  key: string | null
  /** The message that it is or changes; an aside is its own. */
  id: number
  text: string | null
  deleted: boolean
  edited: boolean
  reactions: string
}

/** How many rows are read at a time. */
const PAGE = 5000

/** The events of the chat after a version, in order, read in pages. */
export async function* rowsOf(pool: pg.Pool, chat: Chat, after: number): AsyncGenerator<Row[]> {
  for (let from = after; ; ) {
    const { rows } = await pool.query(
      `select e.version::int, e.kind, e.author_id::int as author, e.key, coalesce(e.about, e.version)::int as id,
         m.text, m.deleted_at is not null as deleted, m.edited_at is not null as edited, m.reactions
       from events e
       join events m on m.chat_id = e.chat_id and m.version = coalesce(e.about, e.version)
       where e.chat_id = $1 and e.version > $2 order by e.version limit ${PAGE}`,
      [chat.id, from],
    )
    if (rows.length === 0) {
      return
    }
    from = rows.at(-1).version
    yield rows.map(row => ({ ...row, reactions: reactionsText(row.reactions) }))
  }
}

export async function versionOf(pool: pg.Pool, chat: Chat): Promise<number> {
  const { rows } = await pool.query('select version::int from chats where id = $1', [chat.id])
  return rows[0].version
}

/** The newest version that pages show as an item of its own. */
export async function lastShown(pool: pg.Pool, chat: Chat): Promise<number> {
  const { rows } = await pool.query(
    "select coalesce(max(version), 0)::int as version from events where chat_id = $1 and kind not in ('edited', 'deleted', 'reacted')",
    [chat.id],
  )
  return rows[0].version
}

/** The numbers of a message's reactions, in one spelling. */
export function reactionsText(reactions: Record<string, number> | null): string {
  return Object.entries(reactions ?? {})
    .map(([emoji, count]) => `${emoji}${count}`)
    .sort()
    .join(' ')
}
