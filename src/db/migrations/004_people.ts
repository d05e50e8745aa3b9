import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  await sql`
    alter table users
      add column kind text not null default 'account' check (kind in ('account', 'guest')),
      -- By which the chats that the user joins show them: the username until another is chosen. A guest has no other.
      add column name text check (char_length(name) between 1 and 150),
      add column folded_name text,
      -- Which browser a guest came by.
      add column visit_hash bytea check (octet_length(visit_hash) = 32),
      -- The row stays: the username is not given to anybody else.
      add column deleted_at timestamptz,
      alter column folded_username drop not null,
      alter column password_hash drop not null`.execute(db)
  await sql`update users set name = username, folded_name = folded_username`.execute(db)
  await sql`
    alter table users
      alter column name set not null,
      alter column folded_name set not null,
      add check ((kind = 'guest') = (folded_username is null)),
      add check (password_hash is null or (kind = 'account' and deleted_at is null))`.execute(db)

  // By which a user tells their sessions and tokens apart, and ends them.
  await sql`
    alter table sessions
      add column id bigint generated always as identity unique,
      add column agent text not null default '' check (char_length(agent) <= 200)`.execute(db)
  await sql`alter table tokens add column name text not null default '' check (char_length(name) <= 100)`.execute(db)

  await sql`alter table chats rename column closed_at to read_only_at`.execute(db)
  await sql`
    alter table chats
      -- Since when nobody can join, and no guest can.
      add column joins_closed_at timestamptz,
      add column guests_off_at timestamptz,
      -- Nobody finds it any more; its rows go by and by.
      add column deleted_at timestamptz,
      -- The newest event that stands in the list by itself.
      add column last_shown bigint`.execute(db)
  await sql`update chats set last_shown = version`.execute(db)
  await sql`
    alter table chats
      alter column last_shown set default 0,
      alter column last_shown set not null`.execute(db)

  await sql`
    alter table members
      -- Shown as a guest, as the user was when they were here.
      add column guest boolean not null default false,
      add column last_read bigint not null default 0,
      -- About when they last read here, by whatever way.
      add column seen_at timestamptz`.execute(db)
  await sql`update members set last_read = c.version from chats c where c.id = chat_id`.execute(db)

  await sql`
    create table bans (
      chat_id bigint not null references chats,
      user_id bigint not null references users,
      -- As the chat showed them.
      name text not null,
      -- Of a guest, who could come again under another name.
      visit_hash bytea,
      created_at timestamptz not null default now(),
      primary key (chat_id, user_id)
    )`.execute(db)
  // For telling a banned guest by the browser (join_chat).
  await sql`create index bans_of_browser on bans (chat_id, visit_hash) where visit_hash is not null`.execute(db)

  await sql`
    alter table events
      -- Of a message, as it is now: null where it never was so.
      add column edited_at timestamptz,
      add column deleted_at timestamptz,
      add column reply_to bigint check (reply_to < version),
      -- Who is named by an @: user ids by folded name.
      add column mentions jsonb,
      -- How many reacted, by emoji.
      add column reactions jsonb,
      -- The event that stands before it in the list, where that is not the one of the version before.
      add column previous bigint check (previous < version)`.execute(db)
  const { rows } = await sql<{ name: string }>`
    select conname as name from pg_constraint
    where conrelid = 'events'::regclass and contype = 'c'
      and (pg_get_constraintdef(oid) like '%''joined''%' or pg_get_constraintdef(oid) like '%text IS NOT NULL%')`.execute(
    db,
  )
  for (const { name } of rows) {
    await sql`alter table events drop constraint ${sql.id(name)}`.execute(db)
  }
  await sql`
    alter table events
      add check (kind in (
        'message', 'joined', 'left', 'removed', 'named', 'renamed', 'changed', 'owner', 'edited', 'deleted', 'reacted'
      )),
      add check ((text is not null) = (kind = 'renamed' or (kind = 'message' and deleted_at is null))),
      add check ((about is not null) = (kind in ('edited', 'deleted', 'reacted')))`.execute(db)
  await sql`drop index events_asides`.execute(db)
  // For the small events between messages (db/events.ts chatView).
  await sql`
    create index events_asides on events (chat_id, version)
    where kind in ('joined', 'left', 'removed', 'named', 'renamed', 'changed', 'owner')`.execute(db)

  await sql`
    create table reactions (
      chat_id bigint not null,
      version bigint not null,
      user_id bigint not null references users,
      emoji text not null,
      created_at timestamptz not null default now(),
      primary key (chat_id, version, user_id, emoji),
      foreign key (chat_id, version) references events on delete cascade
    )`.execute(db)

  // By whom they are read: who is named where, after what they have read.
  await sql`
    create table mentions (
      user_id bigint not null references users,
      chat_id bigint not null,
      version bigint not null,
      primary key (user_id, chat_id, version),
      foreign key (chat_id, version) references events on delete cascade
    )`.execute(db)
  // For taking them back with their message (edit_message, delete_message).
  await sql`create index mentions_in_message on mentions (chat_id, version)`.execute(db)
}
