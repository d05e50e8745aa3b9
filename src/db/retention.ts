import { sql } from 'kysely'
import type { Db } from './schema.js'

/** For how many days a chat keeps its messages, and for how many its owner can say that it does. Null: for good. */
export const RETENTION = [
  sql<number | null>`kept_days(chats.days_by_owner, chats.days_by_operator)`.as('kept_days'),
  sql<number | null>`kept_days(null, chats.days_by_operator)`.as('kept_days_at_most'),
] as const

/** For how many days the operator keeps the messages of all chats that have no number of their own. Null: for good. */
export async function keptDays(db: Db): Promise<number | null> {
  const { days } = await db.selectFrom('retention').select('days').where('one', '=', true).executeTakeFirstOrThrow()
  return days
}

/** The operator's number of days for all chats. */
export async function keepAll(db: Db, days: number | null) {
  await db.updateTable('retention').set({ days }).where('one', '=', true).execute()
}

/** The operator's number of days for one chat. Null: the one for all chats holds. */
export async function keepChat(db: Db, chat_id: number, days: number | null) {
  await db.updateTable('chats').set({ days_by_operator: days }).where('id', '=', chat_id).execute()
}

/** How many chats are looked at in one statement, and how many events of a chat while it is locked and posts to it wait. */
const CHATS = 1000
const EVENTS = 100

/** Chats with something in them that is older than they keep it, each with its number of days. */
export async function* overdueChats(db: Db): AsyncGenerator<{ id: number; keeps: number }> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { rows } = await sql<{ id: number; keeps: number; overdue: boolean }>`
      select c.id, c.keeps, e.created_at < now() - make_interval(days => c.keeps) as overdue
      from (
        select id, pruned_to, kept_days(days_by_owner, days_by_operator) as keeps from chats
        where id > ${after} and deleted_at is null
          -- Its versions must not move before all of it is there.
          and not exists (select 1 from imports i where i.chat_id = chats.id and i.uri is null)
        order by id limit ${CHATS}
      ) c
      left join lateral (
        select created_at from events where c.keeps is not null and chat_id = c.id and version > c.pruned_to order by version limit 1
      ) e on true
      order by c.id`.execute(db)
    yield* rows.filter(({ overdue }) => overdue)
    after = rows.at(-1)?.id
  }
}

/** Deletes the texts of messages that are older than the chat keeps them, in batches. Yields after each how many it were. */
export async function* pruneOverdue(db: Db, chat_id: number): AsyncGenerator<number> {
  for (let more = true; more; ) {
    const { rows } = await sql<{ pruned: number; more: boolean }>`
      select pruned, more from prune_chat(${chat_id}, ${EVENTS})`.execute(db)
    yield rows[0]?.pruned ?? 0
    more = rows[0]?.more ?? false
  }
}
