import { sql } from 'kysely'
import { within } from '../deadline.js'
import { unavailable } from '../errors.js'
import { missingMigrations } from './migrate.js'
import type { Db } from './schema.js'

/** How long an answer is cached, so that frequent requests cost nothing, and how long one may take, in milliseconds. */
const HOLDS_FOR = 1_000
const WITHIN = 3_000

/**
 * A function that resolves if the database can be read and written and has this program's tables, and rejects with what is wrong. It tries
 * once a second at most, on one connection at a time.
 */
export function readiness(db: Db): () => Promise<void> {
  let tried: Promise<void> | undefined
  let freshUntil = 0
  return () => {
    if (!tried || performance.now() > freshUntil) {
      freshUntil = Number.POSITIVE_INFINITY
      tried = tryAll(db).finally(() => {
        freshUntil = performance.now() + HOLDS_FOR
      })
    }
    return within(WITHIN, tried)
  }
}

async function tryAll(db: Db) {
  const missing = await db.transaction().execute(async transaction => {
    // Updates a row that exists, so that nothing grows. Its commit waits for the disk as any other does.
    await transaction.updateTable('secrets').set({ value: sql`value` }).where('name', '=', 'seal').execute()
    // The update needs no new block, so it does not notice a full disk. More rows than fit into memory do.
    await sql`select set_config('work_mem', '64kB', true)`.execute(transaction)
    await sql`select count(*) from generate_series(1, 10000)`.execute(transaction)
    return missingMigrations(transaction)
  })
  if (missing.length > 0) {
    throw unavailable('unavailable', `It lacks what this program's start brings: ${missing.join(', ')}.`)
  }
}
