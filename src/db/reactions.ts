import { sql } from 'kysely'
import type { Db } from './schema.js'

interface Reaction {
  chat_id: number
  user_id: number
  /** The message's. */
  id: number
  emoji: string
}

/** What became of a reaction, and the chat's version then. `same`: nothing changed. `gone`: there is no such message, or they are no member. */
interface Reacted {
  outcome: 'reacted' | 'same' | 'gone' | 'read only'
  version: number
}

/** Adds the member's reaction, or takes it back. */
export async function react(db: Db, { chat_id, user_id, id, emoji }: Reaction, adds: boolean): Promise<Reacted> {
  const { rows } = await sql<Reacted>`
    select outcome, version from react(${chat_id}, ${user_id}, ${id}, ${emoji}, ${adds})`.execute(db)
  return rows[0] as Reacted
}

/** A query for the emoji with which the user reacted to the message. */
export function reactionsOf(db: Db, { chat_id, user_id, id }: Omit<Reaction, 'emoji'>) {
  return db
    .selectFrom('reactions')
    .select('emoji')
    .where('chat_id', '=', chat_id)
    .where('version', '=', id)
    .where('user_id', '=', user_id)
}
