import { freePort } from '../../test/support/programs.js'
import { keepProgram } from './kept-program.js'
import type { World } from './world.js'

/** Another program is started beside the one that serves, new connections lead to it, and the first one is told to stop. */
export async function rollingRestart(world: World) {
  const before = world.program
  const programme = { ...world.programme, port: await freePort() }
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
