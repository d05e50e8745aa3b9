import { type Kysely, sql } from 'kysely'

/** For how many days messages are kept (docs/decisions/021). Null: until somebody deletes them. */
export async function up(db: Kysely<unknown>) {
  // One row, for all chats.
  await sql`
    create table retention (
      one boolean primary key default true check (one),
      days integer check (days between 1 and 36500)
    )`.execute(db)
  await sql`insert into retention default values`.execute(db)
  // Everything in the chat up to the version pruned_to has been pruned. The rows that are there meet the constraints, so nobody waits until
  // all have been looked at.
  await sql`
    alter table chats
      add column days_by_owner integer,
      add column days_by_operator integer,
      add column pruned_to bigint not null default 0,
      add constraint chats_days_by_owner check (days_by_owner between 1 and 36500) not valid,
      add constraint chats_days_by_operator check (days_by_operator between 1 and 36500) not valid`.execute(db)
}
