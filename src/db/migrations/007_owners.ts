import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  // For a chat's links with those that were replaced, which go with it (delete_chat).
  await sql`create index links_of_chat on links (chat_id)`.execute(db)
  // For what is left of deleted chats (db/deleted-chats.ts).
  await sql`create index chats_deleted on chats (id) where deleted_at is not null`.execute(db)
}
