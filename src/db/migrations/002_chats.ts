import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  await sql`
    create table chats (
      id bigint generated always as identity primary key,
      owner_id bigint not null references users,
      title text check (char_length(title) between 1 and 200),
      -- The chat's clock: the version of its newest event.
      version bigint not null default 0 check (version >= 0),
      member_count integer not null default 0 check (member_count >= 0),
      last_message bigint check (last_message <= version),
      last_posted_at timestamptz not null default now(),
      -- Since when nobody may post.
      closed_at timestamptz,
      created_at timestamptz not null default now()
    )`.execute(db)

  await sql`
    create table links (
      -- 128 bits or more in base64url.
      uri text primary key check (uri ~ '^[A-Za-z0-9_-]{22,64}$'),
      chat_id bigint not null references chats,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      replaced_at timestamptz
    )`.execute(db)
  // For the one link that the start page shows for a chat (db/chats.ts chatsOf).
  await sql`create unique index links_current on links (chat_id) where replaced_at is null`.execute(db)

  await sql`
    create table members (
      chat_id bigint not null references chats,
      user_id bigint not null references users,
      name text not null,
      folded_name text not null,
      joined_at timestamptz not null default now(),
      -- The row stays when a member goes: messages keep their author's name.
      left_at timestamptz,
      primary key (chat_id, user_id)
    )`.execute(db)
  await sql`create unique index members_name on members (chat_id, folded_name) where left_at is null`.execute(db)
  // For a user's chats (db/chats.ts chatsOf).
  await sql`create index members_of_user on members (user_id) where left_at is null`.execute(db)
  // For the members in the order they joined (db/members.ts membersOf).
  await sql`create index members_by_arrival on members (chat_id, joined_at, user_id) where left_at is null`.execute(db)

  await sql`
    create table events (
      chat_id bigint not null,
      version bigint not null check (version > 0),
      kind text not null check (kind in ('message', 'joined', 'left')),
      -- The version of the message that this event is about.
      about bigint check (about < version),
      author_id bigint not null,
      text text check (char_length(text) between 1 and 2000),
      key text check (char_length(key) between 1 and 200),
      text_hash bytea,
      created_at timestamptz not null default now(),
      primary key (chat_id, version),
      -- Whoever did something in a chat is, or was, a member of it.
      foreign key (chat_id, author_id) references members,
      check ((kind = 'message') = (text is not null)),
      check ((key is null) = (text_hash is null))
    )`.execute(db)
  // For finding a message that was sent before (post_messages).
  await sql`create unique index events_key on events (chat_id, author_id, key) where key is not null`.execute(db)
  // For the newest messages among other events (db/events.ts newestMessages).
  await sql`create index events_messages on events (chat_id, version) where kind = 'message'`.execute(db)
  // For the small events between them (db/events.ts chatView).
  await sql`create index events_asides on events (chat_id, version) where kind in ('joined', 'left')`.execute(db)
}
