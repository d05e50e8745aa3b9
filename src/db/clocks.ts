import { sql } from 'kysely'
import type { Db } from './schema.js'

/** A chat or a user, and the version of it that somebody knows. */
export interface Clock {
  id: number
  version: number
}

/**
 * Those of the chats and users that are at another version than the one given, with the one they are at; null for what is
 * gone. One statement, by primary keys alone.
 */
export async function movedClocks(db: Db, { chats, users }: { chats: readonly Clock[]; users: readonly Clock[] }) {
  const { rows } = await sql<{ what: 'chat' | 'user'; id: number; version: number | null; known: number }>`
    select 'chat' as what, known.id, chats.version, known.version as known
    from unnest(${ids(chats)}::bigint[], ${versions(chats)}::bigint[]) as known (id, version)
    left join chats on chats.id = known.id and chats.deleted_at is null
    where chats.version is distinct from known.version
    union all
    select 'user', known.id, users.version, known.version
    from unnest(${ids(users)}::bigint[], ${versions(users)}::bigint[]) as known (id, version)
    left join users on users.id = known.id
    where users.version is distinct from known.version`.execute(db)
  return rows
}

const ids = (clocks: readonly Clock[]) => clocks.map(({ id }) => id)
const versions = (clocks: readonly Clock[]) => clocks.map(({ version }) => version)
