import { randomBytes } from 'node:crypto'
import type { Db } from './schema.js'

/**
 * The secret of that name, 32 bytes. The first program that asks makes it, and all that use the database share it. Only then does this
 * write: a program starts beside a database that is read-only.
 */
export async function secret(db: Db, name: string): Promise<Buffer> {
  const known = db.selectFrom('secrets').select('value').where('name', '=', name)
  const found = await known.executeTakeFirst()
  if (found) {
    return found.value
  }
  await db
    .insertInto('secrets')
    .values({ name, value: randomBytes(32) })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  const { value } = await known.executeTakeFirstOrThrow()
  return value
}
