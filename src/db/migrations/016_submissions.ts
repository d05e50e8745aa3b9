import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // What came of forms that browsers may send twice (db/submissions.ts).
  await sql`
    create table submissions (
      -- Of the form's key and address, and of who sent it.
      hash bytea primary key check (octet_length(hash) = 32),
      -- The session's id is made from it, and from what only the browser has.
      seed text not null,
      -- A session that has ended is not begun again.
      session_hash bytea references sessions on delete cascade,
      path text not null,
      created_at timestamptz not null default now()
    )`.execute(db)
  // For the sessions that end.
  await sql`create index submissions_of_session on submissions (session_hash)`.execute(db)
}
