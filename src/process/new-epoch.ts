import { readConfig } from '../config.js'
import { prepareDatabase, startFailure } from '../db/arrival.js'
import { newEpoch } from '../db/epoch.js'
import { withServer } from './database-server.js'
import { stopSignal } from './signals.js'

/** Begins a new epoch, while the program runs or not: for files of the database that were put back by hand. Returns the text to print. */
export async function beginEpoch(env: NodeJS.ProcessEnv): Promise<string> {
  const config = readConfig(env)
  const starting = { say: (sentence: string) => console.error(sentence), signal: stopSignal() }
  const number = await withServer(config, starting, async address => {
    await prepareDatabase(address, config, starting)
    return newEpoch(address, starting.say).catch(error => {
      throw startFailure(error, config)
    })
  })
  return `This is epoch ${number}.`
}
