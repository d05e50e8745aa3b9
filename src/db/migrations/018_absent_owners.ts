import { type Kysely, sql } from 'kysely'

/** Chats whose owner was deleted while only guests were there: settle_memberships gives them to one of these, within the hour. */
export async function fill(db: Kysely<unknown>, place: unknown): Promise<unknown> {
  const { rows } = await sql<{ id: number }>`
    with part as (select id from users where id > ${place ?? 0}::bigint order by id limit 5000),
    marked as (
      update users u set unsettled = true
      from part p
      where u.id = p.id and u.deleted_at is not null and exists (
        select 1 from members m join chats c on c.id = m.chat_id
        where m.user_id = u.id and c.owner_id = u.id and c.deleted_at is null
      )
    )
    select id from part order by id desc limit 1`.execute(db)
  return rows[0]?.id ?? null
}
