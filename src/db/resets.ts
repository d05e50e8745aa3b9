import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import { lockUser, setPassword } from './users.js'

const alive = sql<boolean>`resets.created_at > now() - ${sql.lit(`${LIMITS.resetHours} hours`)}::interval`

/** Replaces the user's earlier reset, so that only the newest link works. Returns false if the user was deleted. */
export function createReset(db: Db, user_id: number, key_hash: Buffer): Promise<boolean> {
  return db.transaction().execute(async trx => {
    if (!(await lockUser(trx, user_id))) {
      return false
    }
    await trx.deleteFrom('resets').where('user_id', '=', user_id).execute()
    await trx.insertInto('resets').values({ key_hash, user_id }).execute()
    return true
  })
}

export function findReset(db: Db, key_hash: Buffer) {
  return db
    .selectFrom('resets')
    .innerJoin('users', 'users.id', 'resets.user_id')
    .select(['users.id', 'users.username', 'users.email'])
    .where('key_hash', '=', key_hash)
    .where(alive)
    .executeTakeFirst()
}

/** Sets the password of the link's user, and deletes the reset. False if it was used already, or the password was changed meanwhile. */
export function useReset(db: Db, key_hash: Buffer, password_hash: string): Promise<boolean> {
  return db.transaction().execute(async trx => {
    const user = await findReset(trx, key_hash)
    if (!user || !(await lockUser(trx, user.id))) {
      return false
    }
    // Looked for again: it may have been used while this waited for the user's row.
    const { numDeletedRows } = await trx.deleteFrom('resets').where('key_hash', '=', key_hash).executeTakeFirst()
    if (numDeletedRows > 0n) {
      await setPassword(trx, user.id, password_hash)
    }
    return numDeletedRows > 0n
  })
}

export async function deleteEndedResets(db: Db) {
  await db.deleteFrom('resets').where(sql<boolean>`not (${alive})`).execute()
}
