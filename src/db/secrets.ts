import { randomBytes } from 'node:crypto'
import type { Db } from './schema.js'

/** The secret of that name, made by whichever program asks first and shared by all that use the database. */
export async function secret(db: Db, name: string): Promise<Buffer> {
  await db
    .insertInto('secrets')
    .values({ name, value: randomBytes(32) })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  const { value } = await db.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirstOrThrow()
  return value
}
