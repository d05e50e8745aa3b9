import { type Kysely, sql } from 'kysely'

/** Nothing reads it once events_words is built. Searches of the program of the release before call functions that read events_words by then. */
export async function fill(db: Kysely<unknown>): Promise<unknown> {
  await sql`drop index if exists events_search`.execute(db)
  return null
}
