import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'

const UNUSED = sql.lit(`${LIMITS.unusedChatHours} hours`)
const UNOPENED = sql.lit(`${LIMITS.unopenedChatDays} days`)

/** Deletes some chats that nobody needs any more (src/db/functions/delete_abandoned.sql). Returns whether there may be more. */
export async function deleteSomeAbandoned(db: Db): Promise<boolean> {
  const most = LIMITS.chatsSettledAtOnce
  const { rows } = await sql<{ count: number }>`
    select delete_abandoned(${UNUSED}::interval, ${UNOPENED}::interval, ${most}) as count`.execute(db)
  return rows[0]?.count === most
}

/** When the chat will be deleted unless somebody uses it: opens it, or, where `unused`, writes in it or joins it. */
export interface Kept {
  until: Date
  unused: boolean
}

/** Null where an account keeps the chat. The reader has opened it now. */
export async function keptUntil(
  db: Db,
  { id, accountless }: { id: number; accountless: boolean },
): Promise<Kept | null> {
  if (!accountless) {
    return null
  }
  const { rows } = await sql<Kept>`
    select case when k.unused then k.created_at + ${UNUSED}::interval else now() + ${UNOPENED}::interval end as until, k.unused
    from (
      select c.id, c.created_at, c.last_message is null and c.member_count < 2 and o.kind = 'guest' as unused
      from chats c
      join users o on o.id = c.owner_id
    ) k
    where k.id = ${id} and not exists (
      select 1 from members m
      where m.chat_id = k.id and m.left_at is null and not m.guest
        and not exists (select 1 from bots b where b.user_id = m.user_id)
    )`.execute(db)
  return rows[0] ?? null
}
