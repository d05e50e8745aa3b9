import { setTimeout as wait } from 'node:timers/promises'
import type { Relay } from './relay.js'
import type { World } from './world.js'

/** Each time so many connections. */
const CUTS = 50

export async function cutReaders({ toProgram }: World) {
  return cut(toProgram)
}

export async function cutDatabase({ toDatabase }: World) {
  return cut(toDatabase)
}

/** Each post is one statement that commits itself: all these are done, and the program does not hear of it. */
export async function cutCommits({ toDatabase }: World) {
  return cut(toDatabase, 'answers')
}

/** All connections stay open, and nothing passes any more: each side has to notice by the other's silence. */
export async function silenceReaders({ toProgram }: World) {
  toProgram.fallSilent()
  return undefined
}

export async function silenceDatabase({ toDatabase }: World) {
  toDatabase.fallSilent()
  return undefined
}

export async function terminateBackends({ database }: World) {
  await database.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatire'")
  return undefined
}

async function cut(relay: Relay, within: 'both' | 'answers' = 'both') {
  relay.cutNext(CUTS, within)
  while (relay.left > 0) {
    await wait(10)
  }
  return undefined
}
