import { type Kysely, sql } from 'kysely'

/** A message that was edited or deleted keeps its key, but no hash of the text that it was posted with: a short text can be guessed from it. */
export async function up(db: Kysely<unknown>) {
  const { rows } = await sql<{ name: string }>`
    select conname as name from pg_constraint
    where conrelid = 'events'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%text_hash%'`.execute(db)
  for (const { name } of rows) {
    await sql`alter table events drop constraint ${sql.id(name)}`.execute(db)
  }
  // Not validated, which would take as long as reading all messages: what is there fits, as the constraint before was stricter.
  await sql`
    alter table events
      add constraint events_hash_with_key check (text_hash is null or key is not null) not valid`.execute(db)
}
