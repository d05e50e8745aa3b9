import type { Config } from '../config.js'
import type { Address } from '../db/connection.js'
import { findCluster, startCluster } from '../postgres/cluster.js'
import type { Starting } from '../waiting.js'

/** For a command: uses the database server of the running program. Where the program does not run, a server is started for this call. */
export async function withServer<T>(
  { databaseUrl, dataDir }: Config,
  starting: Starting,
  use: (address: Address) => Promise<T>,
): Promise<T> {
  if (databaseUrl) {
    return use({ connectionString: databaseUrl })
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
