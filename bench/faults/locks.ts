import { setTimeout as wait } from 'node:timers/promises'
import type { World } from './world.js'

/** How long a lock or a transaction lasts, in milliseconds. */
const HELD = 4000

/** Longer than posts wait for it. */
export async function lockChat(world: World) {
  return hold(world, ['begin', `select 1 from chats where id = ${world.trial.cast.chats[0]?.id} for update`])
}

export async function lockTable(world: World) {
  return hold(world, ['begin', 'lock table events in access exclusive mode'])
}

/** As pg_dump does: nothing may be cleaned up that it could still see. */
export async function longTransaction(world: World) {
  return hold(world, ['begin isolation level repeatable read', 'select count(*) from events'])
}

async function hold({ database }: World, statements: readonly string[]) {
  const client = await database.connect()
  for (const statement of statements) {
    await client.query(statement)
  }
  await wait(HELD)
  await client.query('rollback')
  await client.end()
  return undefined
}
