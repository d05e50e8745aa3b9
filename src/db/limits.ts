import { sql } from 'kysely'
import type { Rate } from '../config.js'
import type { Db } from './schema.js'

/**
 * Counts one use against a rate limit that all processes share (a token bucket, as in src/http/rate-limits.ts). Returns 0, or the seconds
 * to wait where the bucket is empty.
 */
export async function takeFromRate(db: Db, name: string, subject: string, { burst, seconds }: Rate): Promise<number> {
  const { rows: taken } = await sql`
    insert into limits as l (name, subject, due_at)
    values (${name}, ${subject}, now() + make_interval(secs => ${seconds}))
    on conflict (name, subject) do update
    set due_at = greatest(l.due_at, now()) + make_interval(secs => ${seconds})
    where greatest(l.due_at, now()) <= now() + make_interval(secs => ${seconds * (burst - 1)})
    returning 1`.execute(db)
  if (taken.length > 0) {
    return 0
  }
  // A statement of its own: the one above may have waited for others that count at the same time, which its snapshot does not show.
  const { rows } = await sql<{ wait: number }>`
    select extract(epoch from due_at - now())::float8 - ${seconds * (burst - 1)} as wait
    from limits
    where name = ${name} and subject = ${subject}`.execute(db)
  return Math.max(1, rows[0]?.wait ?? 1)
}

/** Takes back a use that turned out not to count. */
export async function returnToRate(db: Db, name: string, subject: string, { seconds }: Rate) {
  await db
    .updateTable('limits')
    .set({ due_at: sql`due_at - make_interval(secs => ${seconds})` })
    .where('name', '=', name)
    .where('subject', '=', subject)
    .execute()
}

export async function deletePastLimits(db: Db) {
  await db.deleteFrom('limits').where('due_at', '<', sql<Date>`now()`).execute()
}
