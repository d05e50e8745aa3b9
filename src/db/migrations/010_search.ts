import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // What the functions that search return (src/db/functions/search_chat.sql).
  await sql`create type search_hit as (created_at timestamptz, chat_id bigint, version bigint)`.execute(db)
}
