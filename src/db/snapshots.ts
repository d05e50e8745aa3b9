import { sql } from 'kysely'
import { isReadOnly } from '../errors.js'
import type { Db } from './schema.js'

/**
 * After a crash PostgreSQL gives the numbers of transactions again that it had not yet written to the disk: of those that were aborted, that only
 * notified or that were under way. A snapshot that counts such a number as over would take what is written under it later for read. So no
 * snapshot outlives its statement unless all that it sees is on the disk. docs/decisions/019 says more.
 */

/** What a snapshot sees that sees nothing. */
export const NOTHING_SEEN = '1:1:'

/** What the snapshot sees of the transactions up to `newest`, which is over and on the disk. Both as PostgreSQL writes them. */
export function seenUpTo(snapshot: string, newest: number): string {
  const [xmin = '', xmax = '', running = ''] = snapshot.split(':')
  if (Number(xmax) <= newest) {
    return snapshot
  }
  const others = running.split(',').filter(xid => xid !== '' && Number(xid) <= newest)
  return `${Math.min(Number(xmin), newest + 1)}:${newest + 1}:${others.join(',')}`
}

/** The number behind the last one that the snapshot may see. */
export function endOf(snapshot: string): number {
  return Number(snapshot.split(':')[1])
}

/**
 * Resolves once all numbers that were given before are on the disk. Where nothing can be written none are given either, and the last ones are
 * on the disk within a second. Throws the database's error.
 */
export async function keepNumbers(db: Db) {
  // A message to nobody: the least that is written to the disk before it is answered.
  await sql`select pg_logical_emit_message(true, 'chatire', '')`.execute(db).catch(error => {
    if (!isReadOnly(error)) {
      throw error
    }
  })
}
