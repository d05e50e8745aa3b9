import { setTimeout as wait } from 'node:timers/promises'
import { signalAll } from './processes.js'
import type { World } from './world.js'

/** How long a process is paused, in milliseconds. */
const PAUSE = 3000

export async function pauseWorker({ program }: World) {
  return pause(program.workers().slice(0, 1))
}

export async function pauseProgram({ program }: World) {
  return pause([program.pid, ...program.workers()])
}

export async function pauseDatabase({ database }: World) {
  return pause(database.processes())
}

/** It may hold a chat's lock, or be within COMMIT. */
export async function pauseBackend({ database }: World) {
  return pause(await database.someBackend())
}

async function pause(pids: readonly number[]) {
  signalAll(pids, 'SIGSTOP')
  await wait(PAUSE)
  signalAll(pids, 'SIGCONT')
  return undefined
}
