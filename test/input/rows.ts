import { sql } from 'kysely'
import type { Site } from '../support/site.js'

const TABLES = ['users', 'sessions', 'tokens', 'resets', 'chats', 'links', 'members', 'bans', 'events'] as const

/** How many rows each table holds, and how far the chats have come: what a refused request must leave as it was. */
export async function stored({ db }: Site): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`select ${sql.join(
    TABLES.map(table => sql`(select count(*)::int from ${sql.table(table)}) as ${sql.id(table)}`),
  )}, (select coalesce(sum(version), 0)::int from chats) as versions`.execute(db)
  return rows[0] ?? {}
}
