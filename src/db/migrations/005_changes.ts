import { type Kysely, sql } from 'kysely'

/** Functions of before, whose arguments are others by now: src/db/functions has them as they are today. */
export async function up(db: Kysely<unknown>) {
  await sql`drop function if exists join_chat(bigint, bigint)`.execute(db)
  await sql`drop function if exists post_messages(bigint[], bigint[], text[], text[], boolean)`.execute(db)
}
