import { sql } from 'kysely'
import type { Acting, Done } from './owners.js'
import type { Db } from './schema.js'

/** The settings of a chat. One that is left out stays as it is; an empty title removes the title, null the owner's number of days. */
interface Settings {
  title?: string | undefined
  read_only?: boolean | undefined
  joins_closed?: boolean | undefined
  guests?: boolean | undefined
  kept_days?: number | null | undefined
}

/** Changes the chat. If anything is different then, an event says so. */
export async function changeChat(db: Db, { chat_id, user_id }: Acting, settings: Settings): Promise<Done> {
  const { title = null, read_only = null, joins_closed = null, guests = null, kept_days } = settings
  const days = kept_days === undefined ? null : (kept_days ?? 0)
  const { rows } = await sql<Done>`
    select outcome, version
    from change_settings(${chat_id}, ${user_id}, ${title}, ${read_only}, ${joins_closed}, ${guests}, ${days})`.execute(
    db,
  )
  return rows[0] as Done
}
