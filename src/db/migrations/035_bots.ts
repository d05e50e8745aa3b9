import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // Without looking at the rows that are there: all fit the stricter rule of before.
  await sql`
    alter table users
      drop constraint users_kinds,
      add constraint users_kinds check (kind in ('account', 'guest', 'bot', 'imported')) not valid`.execute(db)
  await sql`
    create table bots (
      user_id bigint primary key references users (id) on delete cascade,
      chat_id bigint not null references chats (id) on delete cascade,
      -- Of the key of its incoming hook, if it has one.
      hook_hash bytea unique check (octet_length(hook_hash) = 32),
      hook_created_at timestamptz,
      hook_used_at timestamptz,
      created_at timestamptz not null default now()
    )`.execute(db)
  // For listing the bots of a chat (db/bots.ts botsOf), and for deleting the chat.
  await sql`create index bots_of_chat on bots (chat_id, user_id)`.execute(db)
}
