import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { freePort } from '../../test/support/programs.js'
import { keepProgram, type Programme } from './kept-program.js'
import { ROOT, type World } from './world.js'

const run = promisify(execFile)

/** Another program is started beside the one that serves, new connections lead to it, and the first one is told to stop. */
export async function rollingRestart(world: World) {
  return replace(world, {})
}

/**
 * The last commit before a change of tables whose program has every way of reading that the judge knows: 0.1 has half of them. A rolling restart
 * with today's program, which upgrades the tables while that one serves.
 */
export const EARLIER = 'bf3b3f0'

export async function lacksEarlier({ isEarlier }: World) {
  return isEarlier ? undefined : `the history of this checkout does not reach to commit ${EARLIER}`
}

export async function upgrade(world: World) {
  await replace(world, { root: ROOT })
  world.isEarlier = false
  return undefined
}

export async function lacksFaketime() {
  return run('faketime', ['-f', '+1h', 'true']).then(
    () => undefined,
    () => 'faketime is not installed',
  )
}

/** The clock of the program goes an hour forward, and back. */
export async function stepClock(world: World) {
  // The command itself stays between, and would not pass signals on.
  const { stdout } = await run('faketime', ['-f', '+1h', 'printenv', 'LD_PRELOAD'])
  await replace(world, { env: { LD_PRELOAD: stdout.trim(), FAKETIME: '+1h' } })
  return replace(world, { env: {} })
}

async function replace(world: World, change: Partial<Programme>) {
  const before = world.program
  const programme = { ...world.programme, ...change, port: await freePort() }
  const after = keepProgram(programme)
  await after.ready()
  world.toProgram.leadTo({ port: after.port, host: '127.0.0.1' })
  world.program = after
  world.programme = programme
  const how = await before.stop()
  if (how !== '0') {
    world.trial.findings.note('wrong', `A program that was told to stop ended with ${how}`)
  }
  return undefined
}
