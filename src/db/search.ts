import { type RawBuilder, sql } from 'kysely'
import { shownKind } from './members.js'
import type { Db, UserKind } from './schema.js'

/** A message that was found, with its chat. */
export interface Hit {
  uri: string
  title: string | null
  owner_name: string
  chat_id: number
  version: number
  text: string
  created_at: Date
  edited_at: Date | null
  /** Microseconds since 1970, as text. */
  created_micros: string
  author_id: number
  author_username: string
  author_name: string
  author_kind: UserKind
}

/** A cursor of what was found in all chats. The hits behind it are older. */
interface HitsCursor {
  /** Microseconds since 1970, as text: PostgreSQL's clock is finer than JavaScript's. */
  created_at: string
  chat_id: number
  version: number
}

/** The search took 3 s and was ended. A search for rarer words takes less. */
export class SearchTooLong extends Error {}

/** The index does not exist yet: after an upgrade it is built in the background. */
export class SearchNotReady extends Error {}

/** The chat's newest matching messages below a version; none if the user is no member. Throws SearchTooLong and SearchNotReady. */
export function searchChat(
  db: Db,
  { chat_id, user_id }: { chat_id: number; user_id: number },
  websearch: string,
  limit: number,
  below: number,
): Promise<Hit[]> {
  return hits(
    db,
    sql`
      members reader
      cross join lateral search_chat(reader.chat_id, ${below}, search_query(${websearch}), ${limit}) found
      where reader.chat_id = ${chat_id} and reader.user_id = ${user_id} and reader.left_at is null`,
    sql`e.version desc`,
  )
}

/** The newest matching messages in all chats of the user, behind `before`. Throws as searchChat does. */
export function searchChats(
  db: Db,
  user_id: number,
  websearch: string,
  limit: number,
  before?: HitsCursor | undefined,
): Promise<Hit[]> {
  const below = before
    ? sql`(to_timestamp(0) + ${before.created_at}::bigint * interval '1 microsecond', ${before.chat_id}::bigint, ${before.version}::bigint)`
    : sql`('infinity'::timestamptz, 0::bigint, 0::bigint)`
  return hits(
    db,
    sql`search_chats(${user_id}, ${below}::search_hit, search_query(${websearch}), ${limit}) found`,
    sql`e.created_at desc, e.chat_id desc, e.version desc`,
  )
}

/**
 * Sorts into the index what was posted, edited or deleted since the last time. Searches do it too, and a post that finds 4 MB unsorted: it only
 * spares them the wait. What is not sorted in is in the index already, and as safe.
 */
export async function sortWords(db: Db): Promise<void> {
  await sql`
    select gin_clean_pending_list(indexrelid) from pg_index
    where indexrelid = to_regclass('events_words') and indisvalid`.execute(db)
}

async function hits(db: Db, found: RawBuilder<unknown>, order: RawBuilder<unknown>): Promise<Hit[]> {
  try {
    const { rows } = await sql<Hit>`
      with found as materialized (select found.chat_id, found.version from ${found})
      select
        l.uri, c.title, owner.name as owner_name, e.chat_id, e.version, e.text, e.created_at, e.edited_at,
        (extract(epoch from e.created_at) * 1000000)::bigint::text as created_micros,
        e.author_id, author.username as author_username, coalesce(m.name, author.name) as author_name,
        ${shownKind('m.guest', sql.ref('author.kind'))} as author_kind
      from found
      -- With a limit each is looked up by its key: without statistics the planner may go through all events instead.
      cross join lateral (
        select * from events where events.chat_id = found.chat_id and events.version = found.version limit 1
      ) e
      join chats c on c.id = e.chat_id and c.deleted_at is null
      join links l on l.chat_id = c.id and l.replaced_at is null
      join users owner on owner.id = c.owner_id
      join users author on author.id = e.author_id
      left join members m on m.chat_id = e.chat_id and m.user_id = e.author_id
      order by ${order}`.execute(db)
    return rows
  } catch (error) {
    switch ((error as { code?: unknown }).code) {
      // query_canceled: by the functions themselves, or by the connection's limit for a statement.
      case '57014':
        throw new SearchTooLong()
      // object_not_in_prerequisite_state, by require_search_index.
      case '55000':
        throw new SearchNotReady()
      default:
        throw error
    }
  }
}
