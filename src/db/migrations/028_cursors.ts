import { type Kysely, sql } from 'kysely'

/** What a cursor over all chats of a user needs (docs/decisions/019). */
export async function up(db: Kysely<unknown>) {
  // In one statement with its default the column would be written into every event, which takes long and locks everybody out. An event
  // without a number is before every cursor.
  await sql`alter table events add column xid xid8`.execute(db)
  await sql`alter table events alter column xid set default pg_current_xact_id()`.execute(db)
  // The version of the event by which the member joined.
  await sql`alter table members add column since bigint not null default 0`.execute(db)

  // Who came to which chat and who is no longer in it, of the last weeks. Rows are only added, so nobody waits for a lock. They refer to no
  // other table, as they outlast the chats that were deleted.
  await sql`
    create table membership_changes (
      user_id bigint not null,
      xid xid8 not null default pg_current_xact_id(),
      chat_id bigint not null,
      -- Of the chat.
      version bigint not null,
      kind text not null check (kind in ('joined', 'left', 'removed', 'deleted')),
      -- By which the member knew the chat.
      uri text,
      changed_at timestamptz not null default now(),
      primary key (user_id, xid, chat_id, version)
    )`.execute(db)
  // For deleting old ones.
  await sql`create index membership_changes_by_age on membership_changes (changed_at)`.execute(db)
}
