import { sql } from 'kysely'
import { type Event, shownEvents } from './events.js'
import type { Db, Departure } from './schema.js'

/** Part of a chat, to be read by a member, or by an operator where `user_id` is null. */
export interface Piece {
  chat_id: number
  user_id: number | null
  /** The versions after `after`, up to `until`. */
  after: number
  until: number
  limit: number
}

/** The reader is no member any more. */
export class NotAMember extends Error {
  readonly reason: Departure

  constructor(reason: Departure) {
    super('The reader is not a member of the chat any more')
    this.reason = reason
  }
}

/**
 * The first events of the piece, in order, as they are now. Whether the reader is a member is judged in the same statement, so nothing that
 * came after they had gone is read. Throws NotAMember.
 */
export async function readPiece(db: Db, { chat_id, user_id, after, until, limit }: Piece): Promise<Event[]> {
  const events = await shownEvents(db)
    .where('e.chat_id', '=', chat_id)
    .where('e.version', '>', after)
    .where('e.version', '<=', until)
    .where(({ exists, selectFrom, lit, or }) =>
      or([
        lit(user_id === null),
        exists(
          selectFrom('members as reader')
            .select('reader.user_id')
            .where('reader.chat_id', '=', chat_id)
            .where('reader.user_id', '=', user_id)
            .where('reader.left_at', 'is', null),
        ),
      ]),
    )
    .orderBy('e.version')
    .limit(limit)
    .execute()
  if (events.length === 0 && user_id !== null) {
    await requireStillMember(db, chat_id, user_id)
  }
  return events
}

async function requireStillMember(db: Db, chat_id: number, user_id: number) {
  const { rows } = await sql<{ is_member: boolean; reason: Departure | 'joined' | null }>`
    select
      exists (
        select 1 from members m where m.chat_id = ${chat_id} and m.user_id = ${user_id} and m.left_at is null
      ) as is_member,
      (
        select c.kind from membership_changes c where c.user_id = ${user_id} and c.chat_id = ${chat_id}
        order by c.version desc limit 1
      ) as reason`.execute(db)
  const { is_member = false, reason = null } = rows[0] ?? {}
  if (!is_member) {
    throw new NotAMember(reason === null || reason === 'joined' ? 'left' : reason)
  }
}

/** The chat's version now; 0 where it is deleted. */
export async function versionNow(db: Db, chat_id: number): Promise<number> {
  const found = await db
    .selectFrom('chats')
    .select('version')
    .where('id', '=', chat_id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return found?.version ?? 0
}

/** About how much an export has: how many events, of which no more than `counted` are counted, and how many bytes their texts have. */
export async function sizeOf(db: Db, chat_id: number, counted: number) {
  const { rows } = await sql<{ events: number; bytes: number }>`
    select count(*)::int as events, coalesce(sum(octet_length(e.text)), 0)::int as bytes
    from (select text from events where chat_id = ${chat_id} order by version desc limit ${counted}) e`.execute(db)
  return rows[0] ?? { events: 0, bytes: 0 }
}
