import { type Address, withClient } from './connection.js'
import { JUMP } from './epoch.js'

export interface Audit {
  users: number
  chats: number
  events: number
  /** How many chats are at another version than their newest event and the epochs since have led to. */
  wrong_clocks: number
  /** How many events do not follow at once on the one before, although no epoch has begun there: events were deleted. */
  holes: number
}

/** Counts what is in a database, and looks at the versions of all chats. Reads everything. Zeros for a database that was never used. */
export function audit(address: Address): Promise<Audit> {
  return withClient(address, async client => {
    const { rows: tables } = await client.query("select to_regclass('events') is not null as used")
    if (!tables[0].used) {
      return { users: 0, chats: 0, events: 0, wrong_clocks: 0, holes: 0 }
    }
    const { rows } = await client.query(
      `select
        (select count(*) from users)::int as users,
        (select count(*) from chats where deleted_at is null)::int as chats,
        (select count(*) from events)::int as events,
        (
          select count(*) from chats c
          left join (select chat_id, max(version) as newest from events group by chat_id) e on e.chat_id = c.id
          where c.deleted_at is null
            and (c.version < coalesce(e.newest, 0) or (c.version - coalesce(e.newest, 0)) % $1 <> 0)
        )::int as wrong_clocks,
        (
          select count(*) from (
            select version - lag(version) over (partition by chat_id order by version) - 1 as skipped from events
          ) steps where skipped % $1 <> 0
        )::int as holes`,
      [JUMP],
    )
    return rows[0]
  })
}
