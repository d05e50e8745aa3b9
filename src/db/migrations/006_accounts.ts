import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>) {
  await sql`
    alter table users
      -- The chats do not all show the user as this row has it yet: see settle_memberships.
      add column unsettled boolean not null default false`.execute(db)
  // For going on where a program ended before it was through (db/users.ts settleUsers).
  await sql`create index users_unsettled on users (id) where unsettled`.execute(db)
  // For going through the chats of a user, those that they have left too (settle_memberships).
  await sql`create index members_by_user on members (user_id, chat_id)`.execute(db)
  // For listing a user's sessions (db/sessions.ts sessionsOf); it serves for ending all of them too.
  await sql`create index sessions_by_user on sessions (user_id, last_used_at desc, id desc)`.execute(db)
  await sql`drop index sessions_of_user`.execute(db)
}
