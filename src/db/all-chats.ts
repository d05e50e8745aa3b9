import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Cursor } from './cursors.js'
import { type Event, shownEvents } from './events.js'
import type { Db, Departure } from './schema.js'
import { endOf, keepNumbers, NOTHING_SEEN, seenUpTo } from './snapshots.js'
import type { KnownVersion } from './versions.js'

/** One event of one of the user's chats, or why a chat is no longer theirs. `cursor`: of a reader who has everything up to it. */
export type Happening = { cursor: Cursor; uri: string } & ({ event: Event } | { gone: Departure })

/** `cursor`: behind the page. `more`: whether there may be more already. */
export interface Page {
  happenings: Happening[]
  cursor: Cursor
  more: boolean
}

/** The cursor leads nowhere: it is too old, ahead, or of another epoch of the database. `now`: one to begin anew with. */
export class CursorGone extends Error {
  readonly now: Cursor

  constructor(now: Cursor) {
    super('The cursor is gone')
    this.now = now
  }
}

const today = sql<number>`floor(extract(epoch from now()) / 86400)::int`

/** The cursor of a reader who begins now. */
export async function cursorNow(db: Db): Promise<Cursor> {
  const { rows } = await sql<Cursor>`
    select current_epoch() as epoch, ${today} as day, pg_current_snapshot()::text as after`.execute(db)
  await keepNumbers(db)
  return rows[0] as Cursor
}

/** Throws CursorGone where the cursor leads nowhere. */
export async function requireCursor(db: Db, user_id: number, cursor: Cursor) {
  const [{ good }] = await placesAfter(db, user_id, cursor, 0)
  if (!good) {
    throw new CursorGone(await cursorNow(db))
  }
}

/**
 * What happened in the user's chats after the cursor, at most `limit`: chat by chat, in order within each. A chat begins with the event by
 * which the user joined it. Throws CursorGone.
 */
export async function happeningsAfter(db: Db, user_id: number, cursor: Cursor, limit: number): Promise<Page> {
  const places = await placesAfter(db, user_id, cursor, limit)
  const [{ good, epoch, day, seen, joined_or_gone }] = places
  if (!good) {
    throw new CursorGone(await cursorNow(db))
  }
  const found = places.filter(place => place.version !== null) as Place[]
  const cut = found.length === limit
  // A page that goes on was begun earlier: it ends where it was to end then, and its cursor gets no younger by that.
  const upto = cursor.place ? cursor.place.upto : await kept(db, seen, cursor.after, found, cut || joined_or_gone)
  const end = { epoch, day: cursor.place ? cursor.day : day, after: upto }
  const cursorAt = (n: number): Cursor => {
    const { chat_id, version } = found[n] as Place
    const { after } = cursor
    return n === found.length - 1 && !cut ? end : { epoch, day: cursor.day, after, place: { upto, chat_id, version } }
  }
  const events = await eventsAt(
    db,
    found.filter(({ gone }) => gone === null),
  )
  const happenings = found.flatMap(({ chat_id, version, gone, uri }, n): Happening[] => {
    const event = events.get(`${chat_id} ${version}`)
    const at = { cursor: cursorAt(n), uri: uri ?? '' }
    return gone ? [{ ...at, gone }] : event ? [{ ...at, event }] : []
  })
  return { happenings, cursor: cut ? cursorAt(found.length - 1) : end, more: cut || cursor.place !== undefined }
}

/**
 * A snapshot of which the reader has the same as of `seen`, and that stays true if the database crashes. `inPart`: there may be more in it that
 * concerns the reader than what was found in it.
 */
async function kept(db: Db, seen: string, after: string, found: readonly Place[], inPart: boolean): Promise<string> {
  if (inPart) {
    await keepNumbers(db)
    return seen
  }
  return seenUpTo(
    seen,
    found.reduce((newest, { xid }) => Math.max(newest, xid ?? 0), endOf(after) - 1),
  )
}

/** One place of the page; and what is known of the cursor, which is the same in all rows. Without a place there is one row. */
interface Row {
  epoch: number
  day: number
  /** The snapshot of this statement. */
  seen: string
  /** Whether the cursor leads somewhere. */
  good: boolean
  /** Whether the user has come to a chat since the cursor, or is no longer in one. */
  joined_or_gone: boolean
  chat_id: number | null
  version: number | null
  gone: Departure | null
  uri: string | null
  /** Of the transaction that wrote the event. */
  xid: number | null
}
type Place = Row & { chat_id: number; version: number }

async function placesAfter(db: Db, user_id: number, { epoch, day, after, place }: Cursor, limit: number) {
  const { rows } = await sql<Row>`
    select now.epoch, now.day, now.seen::text, now.good, now.joined_or_gone, s.chat_id, s.version, s.gone,
      coalesce(s.uri, l.uri) as uri, e.xid::text::bigint as xid
    from (
      select known.*, coalesce(known.further, known.seen) as upto,
        known.epoch = ${epoch}::int and known.day - ${day}::int between -1 and ${sql.lit(LIMITS.cursorDays)}
          and greatest(pg_snapshot_xmax(known.after), pg_snapshot_xmax(known.further)) <= pg_snapshot_xmax(known.seen)
          as good,
        exists (
          select 1 from membership_changes x
          where x.user_id = ${user_id} and x.xid >= pg_snapshot_xmin(known.after)
            and not pg_visible_in_snapshot(x.xid, known.after)
        ) as joined_or_gone
      from (
        select current_epoch() as epoch, ${today} as day, pg_current_snapshot() as seen, ${after}::pg_snapshot as after,
          ${place?.upto ?? null}::pg_snapshot as further
      ) known
    ) now
    left join lateral events_since(
      ${user_id}, now.after, now.upto, ${place?.chat_id ?? 0}::bigint, ${place?.version ?? 0}::bigint,
      case when now.good then ${limit}::int else 0 end
    ) s on true
    left join links l on l.chat_id = s.chat_id and l.replaced_at is null
    left join events e on e.chat_id = s.chat_id and e.version = s.version and s.gone is null
    order by s.chat_id, s.version`.execute(db)
  return rows as [Row, ...Row[]]
}

/** The events of these chats and versions, by both with a space between them. */
async function eventsAt(db: Db, places: readonly Place[]): Promise<Map<string, Event>> {
  if (places.length === 0) {
    return new Map()
  }
  const chats = places.map(({ chat_id }) => chat_id)
  const versions = places.map(({ version }) => version)
  const rows = await db
    .selectFrom(
      sql<{ chat_id: number; version: number }>`unnest(${chats}::bigint[], ${versions}::bigint[])`.as<'place'>(
        sql`place (chat_id, version)`,
      ),
    )
    .innerJoinLateral(
      // With a limit, so that it stays a query for each place: PostgreSQL keeps the order of so many tables, and would go over all events.
      shownEvents(db)
        .select('e.chat_id')
        .where('e.chat_id', '=', sql<number>`place.chat_id`)
        .where('e.version', '=', sql<number>`place.version`)
        .limit(1)
        .as('event'),
      join => join.onTrue(),
    )
    .selectAll('event')
    .execute()
  return new Map(rows.map(({ chat_id, ...event }) => [`${chat_id} ${event.version}`, event]))
}

/** The user's chats, each with its version, and a snapshot that saw all comings and goings of the user up to then. */
export async function chatsToWatch(db: Db, user_id: number): Promise<{ seen: string; chats: KnownVersion[] }> {
  const { rows } = await sql<{ seen: string; newest: number | null; id: number | null; version: number | null }>`
    select now.seen::text, last.xid::text::bigint as newest, c.id, c.version
    from (select pg_current_snapshot() as seen) now
    left join lateral (
      select x.xid from membership_changes x where x.user_id = ${user_id} order by x.xid desc limit 1
    ) last on true
    left join members m on m.user_id = ${user_id} and m.left_at is null
    left join chats c on c.id = m.chat_id`.execute(db)
  const [{ seen, newest } = { seen: '', newest: null }] = rows
  return {
    seen: newest === null ? NOTHING_SEEN : seenUpTo(seen, newest),
    chats: rows.filter((row): row is KnownVersion & (typeof rows)[number] => row.id !== null),
  }
}

/** After so many days a membership's change is told to nobody any more. One more than cursors last, for the parts of days. */
const KEPT_DAYS = LIMITS.cursorDays + 2

export async function deleteOldMembershipChanges(db: Db) {
  await db
    .deleteFrom('membership_changes')
    .where('changed_at', '<', sql<Date>`now() - ${sql.lit(`${KEPT_DAYS} days`)}::interval`)
    .execute()
}
