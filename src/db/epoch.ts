import { sql } from 'kysely'
import type { Address } from './connection.js'
import { inTransaction } from './migrate.js'
import type { Db } from './schema.js'
import { withUpgrader } from './upgrader.js'

/**
 * By how much the version of each chat jumps when an epoch begins: more than a chat gets in the time that a restored backup lacks. So all
 * cursors of that time are in the gap that the jump leaves.
 */
export const JUMP = 1_048_576

/**
 * The version after which a reader goes on who has everything up to `cursor`, between the nearest events of the chat: the one right before the
 * next event. Undefined if the cursor is of a time that is lost: in the gap of an epoch, but not where a jump began or led to.
 */
export function behindGap(cursor: number, before: number | null, next: number): number | undefined {
  // Deleted events leave gaps too, but no such large ones.
  const isLost = before !== null && next - before > JUMP && (cursor - before) % JUMP !== 0
  return isLost ? undefined : next - 1
}

/**
 * Begins a new epoch, unless the database is the one that the last epoch began in. Another one is a restored backup, or a replica that took
 * over: readers may have seen what it lacks. Returns the epoch's number.
 */
export async function keepEpoch(db: Db, address: Address, say: (sentence: string) => void): Promise<number> {
  const { number, moved, unknown } = await standing(db)
  if (moved) {
    return begin(address, say, async db => (await standing(db)).moved)
  }
  if (unknown) {
    await noteIdentity(db)
  }
  return number
}

/** Begins a new epoch in any case: files that were put back by hand have the identity of before. Returns the epoch's number. */
export function newEpoch(address: Address, say: (sentence: string) => void): Promise<number> {
  return begin(address, say, async () => true)
}

/** Whether the role may read the number by which servers differ. */
export async function readsIdentity(db: Db): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select has_function_privilege('pg_control_system()', 'execute') as may`.execute(db)
  return rows[0]?.may ?? false
}

/** Only one program at a time: `must` is asked again once the others are done. */
function begin(address: Address, say: (sentence: string) => void, must: (db: Db) => Promise<boolean>) {
  return withUpgrader(address, say, async upgrader => {
    await upgrader.takeLock()
    if (await must(upgrader.db)) {
      await inTransaction(upgrader, 'The new epoch', async trx => {
        await sql`update epoch set number = number + 1, began_at = now()`.execute(trx)
        await noteIdentity(trx)
        await leaveTheLostTime(trx)
      })
      say('A new epoch has begun: this database may lack what readers have seen, and those are told to read again')
    }
    const { number } = await standing(upgrader.db)
    return number
  })
}

/** All that readers may know of the time that the database lacks becomes invalid. */
async function leaveTheLostTime(trx: Db) {
  await sql`update chats set version = version + ${sql.lit(JUMP)} where deleted_at is null`.execute(trx)
  await sql`delete from membership_changes`.execute(trx)
  // Transactions are counted anew, so their numbers mean nothing any more. A new column is empty without a look at the rows, however many there
  // are. Last, as all who read or post wait from here on.
  await sql`alter table events drop column xid, add column xid xid8`.execute(trx)
  await sql`alter table events alter column xid set default pg_current_xact_id()`.execute(trx)
}

/**
 * The epoch's number; whether this is another database than the one that it began in; and whether what can be read of the database's identity
 * was not noted yet. In recovery the timeline cannot be read, and nothing can be written.
 */
export async function standing(db: Db) {
  const { rows } = await sql<{ number: number; moved: boolean; unknown: boolean }>`
    select e.number,
      coalesce(e.timeline <> i.timeline, false) or coalesce(e.database <> i.database, false)
        or coalesce(e.system_identifier <> i.system_identifier, false) as moved,
      i.timeline is not null and (e.database is null or (e.system_identifier is null and i.system_identifier is not null)) as unknown
    from epoch e, ${await identity(db)} i`.execute(db)
  if (!rows[0]) {
    throw new Error('The table epoch has lost its row')
  }
  return rows[0]
}

async function noteIdentity(db: Db) {
  await sql`
    update epoch set system_identifier = i.system_identifier, timeline = i.timeline, database = i.database
    from ${await identity(db)} i`.execute(db)
}

/** A subquery: what tells this database from others. Its system_identifier is null if the role may not read it. */
async function identity(db: Db) {
  return sql`(
    select
      ${(await readsIdentity(db)) ? sql`(select system_identifier from pg_control_system())` : sql`null::bigint`} as system_identifier,
      case when not pg_is_in_recovery() then ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer end as timeline,
      (select oid from pg_database where datname = current_database()) as database
  )`
}
