import { signalAll } from './processes.js'
import type { World } from './world.js'

export async function killProgram({ program }: World) {
  signalAll([program.pid, ...program.workers()], 'SIGKILL')
  return undefined
}

export async function killWorker({ program }: World) {
  signalAll(program.workers().slice(0, 1), 'SIGKILL')
  return undefined
}

/** Its workers end by themselves then. */
export async function killMain({ program }: World) {
  signalAll([program.pid], 'SIGKILL')
  return undefined
}

export async function killDatabase({ database }: World) {
  signalAll(database.processes(), 'SIGKILL')
  return undefined
}

/** PostgreSQL ends all others then, and recovers. */
export async function killBackend({ database }: World) {
  signalAll(await database.someBackend(), 'SIGKILL')
  return undefined
}

/** Without shutting down: it has to recover at its next start. */
export async function stopDatabase({ database }: World) {
  signalAll([database.pid].filter(Boolean), 'SIGQUIT')
  return undefined
}

export async function killAll(world: World) {
  await Promise.all([killProgram(world), killDatabase(world)])
  return undefined
}
