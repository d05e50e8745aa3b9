import { type Kysely, sql } from 'kysely'

/** Accounts that were deleted before deletion left but a hash of their usernames. */
export async function fill(db: Kysely<unknown>, place: unknown): Promise<unknown> {
  const { rows } = await sql<{ id: number }>`
    with part as (select id from users where id > ${place ?? 0}::bigint order by id limit 5000),
    forgotten as (
      update users u set folded_username = 'sha256:' || encode(sha256(convert_to(u.folded_username, 'UTF8')), 'hex')
      from part p
      where u.id = p.id and u.deleted_at is not null and u.folded_username not like 'sha256:%'
    )
    select id from part order by id desc limit 1`.execute(db)
  return rows[0]?.id ?? null
}
