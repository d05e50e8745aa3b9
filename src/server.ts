import type { Logger } from 'pino'
import { type Config, readConfig } from './config.js'
import { type Address, connect } from './db/connection.js'
import { deleteExpired } from './db/expiry.js'
import { finishMigrations, migrate } from './db/migrate.js'
import type { Db } from './db/schema.js'
import { listen, urls } from './listener.js'
import { logCrashes, openLog } from './log.js'
import { openParts } from './parts.js'
import { type Cluster, startCluster } from './postgres/cluster.js'
import { stopSignal } from './signals.js'
import { startWorkers } from './workers.js'

/** How often what has expired is deleted, in milliseconds. */
const EXPIRY = 3_600_000

/**
 * The life of the program, from reading its configuration to a clean end after SIGINT or SIGTERM. Throws an error whose
 * message is for the person at the terminal when it cannot start.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const stopped = stopSignal()
  const config = readConfig(env)
  const log = openLog(config.logLevel)
  logCrashes(log)

  const cluster = config.databaseUrl ? undefined : await keepCluster(config, log)
  try {
    const address: Address = config.databaseUrl
      ? { connectionString: config.databaseUrl }
      : (cluster as Kept).connection
    await prepare(config, log, address)
    const running = await open(config, log, address)
    log.info(`Ready: ${urls(config, running.port).join('  ')}`)
    const stopping = new AbortController()
    const finishing = finishMigrations(address, upgradeLog(log), stopping.signal)
    const signal = await Promise.race([stopped, cluster?.lost ?? new Promise<never>(() => {})])
    log.info(`${signal}: finishing what is under way`)
    stopping.abort()
    await finishing
    await running.stop()
  } finally {
    await cluster?.stop()
  }
  log.info('Stopped')
}

/** Migrates, once for all processes. */
async function prepare(config: Config, log: Logger, address: Address) {
  await migrate(address, upgradeLog(log)).catch(error => {
    // Names the variable and not its value, which has a password in it.
    throw config.databaseUrl
      ? new Error(`The database that DATABASE_URL names cannot be reached or used: ${reason(error)}.`)
      : error
  })
  if (config.trustedProxies > 0 && !config.publicUrl) {
    log.warn(
      'TRUST_PROXY is set and PUBLIC_URL is not: the URLs to share chats by name whatever host the proxy sends in Host. Set PUBLIC_URL to the URL that people use.',
    )
  }
  if (!config.limited) {
    log.warn(
      'LIMITS=off: nothing holds back who guesses passwords or floods chats. For tests on your own machine only.',
    )
  }
}

const upgradeLog = (log: Logger) => (sentence: string) => log.info(`Database: ${sentence}`)

interface Running {
  port: number
  stop(): Promise<void>
}

/** Serves by this process, or by several others that it keeps running. */
async function open(config: Config, log: Logger, address: Address): Promise<Running> {
  if (config.workers > 1) {
    const { db } = connect(address, () => {}, 1)
    const workers = await startWorkers(config.workers, address, log).catch(async error => {
      await db.destroy()
      throw error
    })
    const expiry = keepDeleting(db, log)
    return {
      port: workers.port,
      async stop() {
        clearInterval(expiry)
        await workers.stop()
        await db.destroy()
      },
    }
  }
  const parts = await openParts(config, log, address)
  try {
    const listener = await listen(parts, config)
    const expiry = keepDeleting(parts.db, log)
    return {
      port: listener.port,
      async stop() {
        clearInterval(expiry)
        await listener.close()
        await parts.close()
      },
    }
  } catch (error) {
    await parts.close()
    throw error
  }
}

function keepDeleting(db: Db, log: Logger) {
  return setInterval(
    () => deleteExpired(db).catch(error => log.warn({ err: error }, 'Deleting what has expired failed')),
    EXPIRY,
  )
}

/** An AggregateError, one for each address that was tried, has no message of its own. */
function reason(error: unknown): string {
  const { errors, message } = error as AggregateError
  return message || (errors ?? []).map(reason).join(', ')
}

interface Kept {
  connection: Cluster['connection']
  /** Resolves when the server died and could not be started again. */
  lost: Promise<string>
  stop(): Promise<void>
}

/** The embedded PostgreSQL, started again when it dies: requests meanwhile are answered with 503, and connections are made anew. */
async function keepCluster({ dataDir }: Config, log: Logger): Promise<Kept> {
  const start = () => startCluster(dataDir, sentence => log.info(sentence))
  let restarting = start()
  let cluster = await restarting
  let stopping = false
  const lost = (async () => {
    for (;;) {
      const how = await cluster.died
      if (stopping) {
        return 'PostgreSQL ended'
      }
      log.error(`${how} Starting it again`)
      try {
        restarting = start()
        cluster = await restarting
      } catch (error) {
        log.fatal({ err: error }, 'PostgreSQL cannot be started again')
        process.exitCode = 1
        return 'PostgreSQL is gone'
      }
    }
  })()
  return {
    connection: cluster.connection,
    lost,
    async stop() {
      stopping = true
      // One that is just being started again would go on without us.
      await restarting.then(
        started => started.stop(),
        () => {},
      )
    },
  }
}
