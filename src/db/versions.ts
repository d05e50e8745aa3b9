import { sql } from 'kysely'
import type { Db } from './schema.js'

/** The id of a chat or a user, and the version of it that is in memory. */
export interface KnownVersion {
  id: number
  version: number
}

/** A user all of whose chats are watched, and a snapshot of the database that saw how they came to those in memory. */
export interface Watcher {
  user_id: number
  seen: string
}

/** What has moved: a chat or a user has another version now (null: is gone), or a watcher came to a chat or is no longer in one. */
export interface Moved {
  what: 'chat' | 'user' | 'watcher'
  id: number
  version: number | null
  known: number
}

/**
 * Which of the chats and users have another version than the known one, and which of the watchers have other chats; with the epoch of the
 * database. One statement, by primary keys alone.
 */
export async function movedVersions(
  db: Db,
  {
    chats,
    users,
    watchers,
  }: { chats: readonly KnownVersion[]; users: readonly KnownVersion[]; watchers: readonly Watcher[] },
): Promise<{ moved: Moved[]; epoch: number }> {
  const { rows } = await sql<(Moved | { what: null }) & { epoch: number }>`
    select now.epoch, moved.what, moved.id, moved.version, moved.known
    from (select current_epoch() as epoch) now
    left join (
      select 'chat' as what, known.id, chats.version, known.version as known
      from unnest(${ids(chats)}::bigint[], ${versions(chats)}::bigint[]) as known (id, version)
      left join chats on chats.id = known.id and chats.deleted_at is null
      where chats.version is distinct from known.version
      union all
      select 'user', known.id, users.version, known.version
      from unnest(${ids(users)}::bigint[], ${versions(users)}::bigint[]) as known (id, version)
      left join users on users.id = known.id
      where users.version is distinct from known.version
      union all
      select 'watcher', known.id, null, 0
      from unnest(${watchers.map(({ user_id }) => user_id)}::bigint[], ${watchers.map(({ seen }) => seen)}::pg_snapshot[])
        as known (id, seen)
      where exists (
        select 1 from membership_changes c
        where c.user_id = known.id and c.xid >= pg_snapshot_xmin(known.seen) and not pg_visible_in_snapshot(c.xid, known.seen)
      )
    ) moved on true`.execute(db)
  const moved = rows.filter((row): row is Moved & { epoch: number } => row.what !== null)
  return { moved, epoch: rows[0]?.epoch ?? 0 }
}

const ids = (known: readonly KnownVersion[]) => known.map(({ id }) => id)
const versions = (known: readonly KnownVersion[]) => known.map(({ version }) => version)
