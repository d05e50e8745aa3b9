import { sql } from 'kysely'
import type { Rate } from '../config.js'
import type { Db } from './schema.js'

/**
 * Counts one use against a rate limit that all processes share (a token bucket, as in src/http/rate-limits.ts). Returns 0; or, if the
 * bucket is empty, the seconds to wait.
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
  // A second statement, as the first may have waited for others that counted at the same time. Its snapshot does not show those.
  const { rows } = await sql<{ wait: number }>`
    select extract(epoch from due_at - now())::float8 - ${seconds * (burst - 1)} as wait
    from limits
    where name = ${name} and subject = ${subject}`.execute(db)
  return Math.max(1, rows[0]?.wait ?? 1)
}

/** Takes back a use that does not count after all. */
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
