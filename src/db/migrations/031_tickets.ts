import { type Kysely, sql } from 'kysely'

/** Tickets, each for one stream (docs/decisions/022). They refer to no other table: one whose token is revoked lets nobody in. */
export async function up(db: Kysely<unknown>) {
  await sql`
    create table tickets (
      ticket_hash bytea primary key,
      -- Of the token that it was made with, as tokens.key_hash has it.
      token_hash bytea not null,
      -- Of the pages that it is for.
      origin text not null,
      created_at timestamptz not null default now()
    )`.execute(db)
}
