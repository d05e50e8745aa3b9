import { sql } from 'kysely'
import type { Acting, Done } from './owners.js'
import type { Db } from './schema.js'

interface Replaced extends Done {
  expires_at: Date | null
}

/**
 * Gives the chat a new URI, which lets people in for so many seconds; null: until it is replaced. The old URI still leads members to the
 * chat.
 */
export async function replaceLink(
  db: Db,
  { chat_id, user_id }: Acting,
  { uri, seconds }: { uri: string; seconds: number | null },
): Promise<Replaced> {
  const { rows } = await sql<Replaced>`
    select outcome, version, expires_at from replace_link(${chat_id}, ${user_id}, ${uri}, ${seconds})`.execute(db)
  return rows[0] as Replaced
}
