import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  await sql`
    alter table tokens
      -- What programs may do by it. Those of before may do everything, and so may those that the program of the release before makes.
      add column scopes text[] not null default '{read,post,manage}'
        check (scopes <@ '{read,post,manage}' and cardinality(scopes) > 0),
      -- The only chat that it is for.
      add column chat_id bigint references chats (id) on delete cascade,
      add column expires_at timestamptz,
      -- The token that made it, with which it ends.
      add column parent_id bigint references tokens (id) on delete cascade`.execute(db)
  // For deleting a chat, and a token, with those that depend on it.
  await sql`create index tokens_of_chat on tokens (chat_id) where chat_id is not null`.execute(db)
  await sql`create index tokens_of_token on tokens (parent_id) where parent_id is not null`.execute(db)
}
