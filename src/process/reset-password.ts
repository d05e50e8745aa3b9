import { readConfig } from '../config.js'
import { prepareDatabase, startFailure } from '../db/arrival.js'
import { type Address, connect } from '../db/connection.js'
import { createReset } from '../db/resets.js'
import type { Db } from '../db/schema.js'
import { findUser } from '../db/users.js'
import { keyHash, randomKey } from '../keys.js'
import { OperatorError } from '../operator-error.js'
import { findCluster, startCluster } from '../postgres/cluster.js'
import { waiting } from '../waiting.js'
import { stopSignal } from './signals.js'

const USAGE = `npm run user -- reset-password <name>    prints a link by which the user can set a new password`

/**
 * What an operator can do for users, while the program runs or not. Returns the text to print. The caller must end the process
 * afterwards, as some of its work may go on.
 */
export async function manageUsers(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const [command, name, ...rest] = args
  if (command !== 'reset-password' || !name || rest.length > 0) {
    throw new OperatorError(USAGE)
  }
  const config = readConfig(env)
  const link = await withDatabase(config, async db => {
    const user = await findUser(db, name)
    const key = randomKey()
    if (!user || !(await createReset(db, user.id, keyHash(key)))) {
      throw new OperatorError(`There is no user called ${name}.`)
    }
    return new URL(`/reset/${key}`, config.publicUrl ?? `http://localhost:${config.port}`).href
  })
  return `${name} can set a new password once, within a day, at\n${link}`
}

/** Uses the database server of the running program. Where the program does not run, a server is started for this call. */
async function withDatabase<T>(config: ReturnType<typeof readConfig>, use: (db: Db) => Promise<T>): Promise<T> {
  // On stderr, so that it does not mix with the answer.
  const starting = { say: (sentence: string) => console.error(sentence), signal: stopSignal() }
  const running = config.databaseUrl ? undefined : await findCluster(config.dataDir)
  const started = config.databaseUrl || running ? undefined : await startCluster(config.dataDir, starting.say, starting)
  const address: Address = config.databaseUrl
    ? { connectionString: config.databaseUrl }
    : ((running ?? started?.connection) as Address)
  const { db } = connect(address, () => {}, 1)
  try {
    await prepareDatabase(address, config, starting)
    return await waiting(use(db), () => 'Still waiting for the answer of the database', starting)
  } catch (error) {
    throw startFailure(error, config)
  } finally {
    await started?.stop()
  }
}
