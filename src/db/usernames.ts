import { type RawBuilder, sql } from 'kysely'
import pg from 'pg'
import { keyHash } from '../keys.js'
import { foldUsername } from '../text/names.js'
import { skeleton } from '../text/skeleton.js'
import type { Db } from './schema.js'

/** The name is the username of another account, or of one that was deleted. */
class NameTaken extends Error {}

/** The name looks like the username of another account, or like the name of somebody in a chat of theirs. */
export class Lookalike extends Error {}

/** What is kept of the username of a deleted account, so that no one else gets it. No username looks like this. */
export function traceOf(folded: string): string {
  return `sha256:${keyHash(folded).toString('hex')}`
}

/** The same of a column, by PostgreSQL: null of null. */
export function traceIn(column: string): RawBuilder<string> {
  return sql`'sha256:' || encode(sha256(convert_to(${sql.ref(column)}, 'UTF8')), 'hex')`
}

/**
 * Makes names that look like this one wait until the transaction ends. Comes first in it, before a user's row is locked. A unique index
 * would not do, as accounts of before may have names that look alike.
 */
export async function lockLooks(trx: Db, name: string) {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`looks like ${skeleton(name)}`}, 0))`.execute(trx)
}

/** Throws Lookalike if another account has a username, or had it before it was deleted, that looks like the name and is not the same. */
export async function requireDistinct(db: Db, name: string, user_id: number | null = null) {
  const [look, folded] = [skeleton(name), foldUsername(name)]
  const other = await db
    .selectFrom('users')
    .select('id')
    .where('username_skeleton', 'in', [look, traceOf(look)])
    .where('folded_username', 'not in', [folded, traceOf(folded)])
    .where('id', 'is distinct from', user_id)
    .limit(1)
    .executeTakeFirst()
  if (other) {
    throw new Lookalike()
  }
}

/**
 * Throws Lookalike if somebody in a chat of the user has a name that looks like this one and is not the same. A guest gives way to an
 * account.
 */
export async function requireDistinctInChats(db: Db, name: string, user_id: number) {
  const { rows } = await sql`
    select 1
    from members mine
    join members other on other.chat_id = mine.chat_id and other.skeleton = ${skeleton(name)} and other.left_at is null
    where mine.user_id = ${user_id} and mine.left_at is null and other.user_id <> ${user_id}
      and other.folded_name <> ${foldUsername(name)} and other.guest <= mine.guest
    limit 1`.execute(db)
  if (rows.length > 0) {
    throw new Lookalike()
  }
}

/** Must come after the statement that takes the name, as that one waits for a deletion that is under way. */
export async function requireNeverDeleted(trx: Db, folded: string) {
  const deleted = await trx
    .selectFrom('users')
    .select('id')
    .where('folded_username', '=', traceOf(folded))
    .executeTakeFirst()
  if (deleted) {
    throw new NameTaken()
  }
}

/** Whether a transaction failed because another account has the username, or had it. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof NameTaken ||
    (error instanceof pg.DatabaseError && error.constraint === 'users_folded_username_key')
  )
}
