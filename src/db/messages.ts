import { sql } from 'kysely'
import type { Db } from './schema.js'

/** One message on its way into a chat. */
export interface Post {
  uri: string
  author_id: number
  /** Line ends are \n already; its hash decides whether a key is used again for the same. */
  text: string
  key: string | null
}

/**
 * What became of one post: `posted`; `again`, it was posted before with that key; `conflict`, another text was posted with that
 * key; `stranger`, the author is no member or there is no such chat; `closed`, nobody may post; `refused`, the text does not fit.
 */
export type Outcome = Posted | { outcome: 'conflict' | 'stranger' | 'closed' | 'refused' }

export interface Posted {
  outcome: 'posted' | 'again'
  chat_id: number
  /** The message's id. */
  version: number
  created_at: Date
}

/**
 * Posts all of them in one call, each judged on its own, in their order (the function is made by migration 003). Where a
 * chat's row is held by someone else the outcome is `busy`, or, with `wait`, the call waits for it: 2 s at most, then
 * it throws SQLSTATE 55P03.
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
      ${wait}
    )
    order by ord`.execute(db)
  return rows
}

interface Busy {
  outcome: 'busy'
}
