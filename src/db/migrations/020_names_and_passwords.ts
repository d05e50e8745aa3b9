import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // The hashes that are there are of what was typed. Each is renewed when its user signs in. What names look like is filled in by the next one.
  await sql`
    alter table users
      add column password_normalised boolean not null default false,
      add column skeleton text,
      add column username_skeleton text`.execute(db)
  await sql`alter table members add column skeleton text`.execute(db)
}
