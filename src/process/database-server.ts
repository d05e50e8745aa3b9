import { readdir } from 'node:fs/promises'
import type { Config } from '../config.js'
import { prepareDatabase, startFailure } from '../db/arrival.js'
import { type Address, connect } from '../db/connection.js'
import type { Db } from '../db/schema.js'
import { OperatorError } from '../operator-error.js'
import { findCluster, startCluster } from '../postgres/cluster.js'
import { type Starting, waiting } from '../waiting.js'
import { stopSignal } from './signals.js'

/**
 * For a command: uses the database server of the running program. Where the program does not run, a server is started for this call. Throws an
 * OperatorError where there is no database: a command that was started in another folder would create one.
 */
export async function withServer<T>(
  { databaseUrl, dataDir }: Config,
  starting: Starting,
  use: (address: Address) => Promise<T>,
): Promise<T> {
  if (databaseUrl) {
    return use({ connectionString: databaseUrl })
  }
  if (!(await hasDatabase(dataDir))) {
    throw new OperatorError(
      `There is no database in ${dataDir}. Set DATA_DIR or DATABASE_URL as for the program itself.`,
    )
  }
  const running = await findCluster(dataDir)
  if (running) {
    return use(running)
  }
  const started = await startCluster(dataDir, starting.say, starting)
  try {
    return await use(started.connection)
  } finally {
    await started.stop()
  }
}

/** The same with the database on it, in which the tables are up to date. The caller must end the process afterwards. */
export async function withDatabase<T>(config: Config, use: (db: Db) => Promise<T>): Promise<T> {
  // On stderr, so that it does not mix with the answer.
  const starting = { say: (sentence: string) => console.error(sentence), signal: stopSignal() }
  return withServer(config, starting, async address => {
    await prepareDatabase(address, config, starting)
    const { db } = connect(address, () => {}, 1)
    return waiting(use(db), () => 'Still at work in the database', starting).catch(error => {
      throw startFailure(error, config)
    })
  })
}

async function hasDatabase(dataDir: string): Promise<boolean> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    // For other errors starting the server has better sentences.
    return error.code === 'ENOENT' ? [] : ['postgres-']
  })
  return names.some(name => name.startsWith('postgres-'))
}
