import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // The account that a guest has signed in to, which takes their place in their chats (settle_memberships). Rows of users are never deleted.
  await sql`alter table users add column became bigint`.execute(db)
  // No account owns the chat: its owner is a guest, or was deleted and nobody could follow.
  await sql`alter table chats add column accountless boolean not null default false`.execute(db)
}
