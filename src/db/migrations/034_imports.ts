import { type Kysely, sql } from 'kysely'

/** Chats that came from files (docs/decisions/024). */
export async function up(db: Kysely<unknown>) {
  const { rows } = await sql<{ name: string }>`
    select conname as name from pg_constraint
    where conrelid = 'users'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%''guest''%'`.execute(db)
  for (const { name } of rows) {
    await sql`alter table users drop constraint ${sql.id(name)}`.execute(db)
  }
  // All rows fit already, as the rules before were stricter. So nobody waits until they are looked through.
  await sql`
    alter table users
      add constraint users_kinds check (kind in ('account', 'guest', 'imported')) not valid,
      add constraint users_accounts check ((kind = 'account') = (folded_username is not null)) not valid`.execute(db)
  await sql`
    create table imports (
      id bigint generated always as identity primary key,
      user_id bigint not null references users on delete cascade,
      -- By which the user goes on with it.
      key text not null check (char_length(key) between 1 and 200),
      chat_id bigint not null references chats on delete cascade,
      -- How many lines of the file are stored, and the hash of these.
      lines integer not null default 0,
      hash bytea not null,
      -- Of the chat once all of it is there. Until then nothing leads to it.
      uri text,
      changed_at timestamptz not null default now(),
      unique (user_id, key)
    )`.execute(db)
  // For deleting a chat.
  await sql`create index imports_of_chat on imports (chat_id)`.execute(db)
  // For deleting old ones.
  await sql`create index imports_by_age on imports (changed_at)`.execute(db)
}
