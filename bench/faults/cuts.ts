import { setTimeout as wait } from 'node:timers/promises'
import type { Relay } from './relay.js'
import type { World } from './world.js'

/** Each time so many connections. */
const CUTS = 50

export async function cutReaders({ toProgram }: World) {
  return cut(toProgram)
}

/** Posts are one statement each, so a cut within its answer is one behind its commit. */
export async function cutDatabase({ toDatabase }: World) {
  return cut(toDatabase)
}

export async function terminateBackends({ database }: World) {
  await database.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire'")
  return undefined
}

async function cut(relay: Relay) {
  relay.cutNext(CUTS)
  while (relay.left > 0) {
    await wait(10)
  }
  return undefined
}
