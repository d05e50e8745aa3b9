import { type Kysely, sql } from 'kysely'
import { skeleton } from '../../text/skeleton.js'

/** The last user, or once all users are done the last member, whose names were gone through. */
type Place = { user_id: number } | { chat_id: number; user_id: number }

/** What the names look like that were taken before this was stored. It is what the program makes of new ones, so it is made by the program. */
export async function fill(db: Kysely<unknown>, place: unknown): Promise<unknown> {
  const { chat_id, user_id } = { chat_id: null, ...((place ?? { user_id: 0 }) as Place) }
  return chat_id === null ? fillUsers(db, user_id) : fillMembers(db, chat_id, user_id)
}

async function fillUsers(db: Kysely<unknown>, after: number): Promise<Place> {
  const { rows } = await sql<{ id: number; username: string | null; name: string }>`
    select id, case when kind = 'account' and deleted_at is null then username end as username, name
    from users where id > ${after} order by id limit 2000`.execute(db)
  // Only where the names are still those that were read.
  await sql`
    update users u
    set skeleton = coalesce(u.skeleton, n.skeleton), username_skeleton = coalesce(u.username_skeleton, n.username_skeleton)
    from unnest(
      ${rows.map(({ id }) => id)}::bigint[], ${rows.map(({ name }) => name)}::text[],
      ${rows.map(({ name }) => skeleton(name))}::text[],
      ${rows.map(({ username }) => (username === null ? null : skeleton(username)))}::text[]
    ) n (id, name, skeleton, username_skeleton)
    where u.id = n.id and u.name = n.name`.execute(db)
  const last = rows.at(-1)
  return last ? { user_id: last.id } : { chat_id: 0, user_id: 0 }
}

async function fillMembers(db: Kysely<unknown>, chat_id: number, user_id: number): Promise<Place | null> {
  const { rows } = await sql<{ chat_id: number; user_id: number; name: string }>`
    select chat_id, user_id, name from members
    where (chat_id, user_id) > (${chat_id}, ${user_id}) order by chat_id, user_id limit 2000`.execute(db)
  await sql`
    update members m set skeleton = n.skeleton
    from unnest(
      ${rows.map(row => row.chat_id)}::bigint[], ${rows.map(row => row.user_id)}::bigint[],
      ${rows.map(({ name }) => name)}::text[], ${rows.map(({ name }) => skeletonInChat(name))}::text[]
    ) n (chat_id, user_id, name, skeleton)
    where m.chat_id = n.chat_id and m.user_id = n.user_id and m.name = n.name and m.skeleton is null`.execute(db)
  const last = rows.at(-1)
  return last ? { chat_id: last.chat_id, user_id: last.user_id } : null
}

/** What a chat puts behind a name, such as (2), looks like itself (distinct_name). */
function skeletonInChat(name: string): string {
  const [added = ''] = / \([^()]*\)$/.exec(name) ?? []
  return skeleton(name.slice(0, name.length - added.length)) + added
}
