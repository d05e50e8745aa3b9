import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // One row: the number of the epoch, and the database that it belongs to. A database of its own is on timeline 1; a restored backup and a
  // replica that took over are not. What is null is filled in once it can be read (src/db/epoch.ts).
  await sql`
    create table epoch (
      one boolean primary key default true check (one),
      number integer not null,
      began_at timestamptz not null default now(),
      system_identifier bigint,
      timeline integer not null,
      database oid
    )`.execute(db)
  await sql`insert into epoch (number, timeline) values (1, 1)`.execute(db)
}
