import { sql } from 'kysely'
import type { Db } from './schema.js'

/** The id of a chat or a user, and the version of it that is in memory. */
export interface KnownVersion {
  id: number
  version: number
}

/**
 * The chats and users whose version in the database is not the known one, with their version now; null where the chat or user is
 * gone. One statement, by primary keys alone.
 */
export async function movedVersions(
  db: Db,
  { chats, users }: { chats: readonly KnownVersion[]; users: readonly KnownVersion[] },
) {
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

const ids = (known: readonly KnownVersion[]) => known.map(({ id }) => id)
const versions = (known: readonly KnownVersion[]) => known.map(({ version }) => version)
