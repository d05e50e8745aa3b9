import type pg from 'pg'
import type { Site } from './site.js'

/** Locks a user's row on a connection of its own, as a change in progress does, so that a test decides in which order others come. */
export async function holdUser(site: Site, user_id: number): Promise<pg.PoolClient> {
  const holder = await site.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from users where id = $1 for update', [user_id])
  return holder
}

/** Lets waiting statements go on. */
export async function letGo(holder: pg.PoolClient) {
  await holder.query('commit')
  holder.release()
}

/** Waits until that many statements wait for a lock. */
export async function waiting(site: Site, count: number) {
  for (let found = 0; found < count; ) {
    const { rows } = await site.pool.query(
      "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    found = rows[0].count
  }
}
