import { type Kysely, sql } from 'kysely'

interface Place {
  chat_id: number
  version: number
}

/** Messages that were edited or deleted before the functions forgot their hashes. */
export async function fill(db: Kysely<unknown>, place: unknown): Promise<unknown> {
  const { chat_id, version } = (place ?? { chat_id: 0, version: 0 }) as Place
  const { rows } = await sql<Place>`
    with part as (
      select chat_id, version from events
      where (chat_id, version) > (${chat_id}, ${version})
      order by chat_id, version
      limit 5000
    ),
    forgotten as (
      update events e set text_hash = null
      from part p
      where e.chat_id = p.chat_id and e.version = p.version
        and e.text_hash is not null and (e.edited_at is not null or e.deleted_at is not null)
    )
    select chat_id, version from part order by chat_id desc, version desc limit 1`.execute(db)
  return rows[0] ?? null
}
