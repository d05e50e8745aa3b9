import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  await sql`
    create table users (
      id bigint generated always as identity primary key,
      username text not null check (char_length(username) between 1 and 150),
      -- What makes a name unique: see src/usernames.ts.
      folded_username text not null unique,
      email text not null default '',
      password_hash text not null,
      -- Moves when what a session or token may do has changed.
      version bigint not null default 0,
      created_at timestamptz not null default now()
    )`.execute(db)

  await sql`
    create table sessions (
      id_hash bytea primary key check (octet_length(id_hash) = 32),
      user_id bigint not null references users on delete cascade,
      created_at timestamptz not null default now(),
      last_used_at timestamptz not null default now()
    )`.execute(db)
  // For ending all sessions of a user (db/users.ts changePassword).
  await sql`create index sessions_of_user on sessions (user_id)`.execute(db)

  await sql`
    create table tokens (
      id bigint generated always as identity primary key,
      key_hash bytea not null unique check (octet_length(key_hash) = 32),
      user_id bigint not null references users on delete cascade,
      created_at timestamptz not null default now(),
      last_used_at timestamptz not null default now()
    )`.execute(db)
  // For listing a user's tokens and dropping the one unused longest (db/tokens.ts).
  await sql`create index tokens_of_user on tokens (user_id, last_used_at desc, id desc)`.execute(db)

  await sql`
    create table resets (
      key_hash bytea primary key check (octet_length(key_hash) = 32),
      user_id bigint not null references users on delete cascade,
      created_at timestamptz not null default now()
    )`.execute(db)

  await sql`
    create table secrets (
      name text primary key,
      value bytea not null check (octet_length(value) >= 32)
    )`.execute(db)

  // Losing the counts in a crash is fine, so they need not go through the write-ahead log.
  await sql`
    create unlogged table limits (
      name text not null,
      subject text not null,
      due_at timestamptz not null,
      primary key (name, subject)
    )`.execute(db)
}
