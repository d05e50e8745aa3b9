import { sql } from 'kysely'
import type { Acting, Done } from './owners.js'
import type { Db } from './schema.js'

/** The chat that the URI is of, whoever may use it; undefined for none. A URI never becomes that of another chat. */
export async function chatOfLink(db: Db, uri: string): Promise<number | undefined> {
  const link = await db.selectFrom('links').select('chat_id').where('uri', '=', uri).executeTakeFirst()
  return link?.chat_id
}

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
