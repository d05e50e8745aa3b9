import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import { changePassword } from './users.js'

const alive = sql<boolean>`resets.created_at > now() - ${sql.lit(`${LIMITS.resetHours} hours`)}::interval`

/** Replaces any earlier one of the user, so that only the newest link works. */
export async function createReset(db: Db, user_id: number, key_hash: Buffer) {
  await db.transaction().execute(async trx => {
    await trx.deleteFrom('resets').where('user_id', '=', user_id).execute()
    await trx.insertInto('resets').values({ key_hash, user_id }).execute()
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

/** Sets the password of the link's user and uses the link up; false when someone was faster. */
export function useReset(db: Db, key_hash: Buffer, password_hash: string): Promise<boolean> {
  return db.transaction().execute(async trx => {
    const used = await trx
      .deleteFrom('resets')
      .where('key_hash', '=', key_hash)
      .where(alive)
      .returning('user_id')
      .executeTakeFirst()
    if (used) {
      await changePassword(trx, used.user_id, password_hash)
    }
    return used !== undefined
  })
}

export async function deleteEndedResets(db: Db) {
  await db.deleteFrom('resets').where(sql<boolean>`not (${alive})`).execute()
}
