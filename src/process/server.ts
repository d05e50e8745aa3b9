import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Config, readConfig } from '../config.js'
import { prepareDatabase } from '../db/arrival.js'
import { type Address, connect } from '../db/connection.js'
import { deleteExpired } from '../db/expiry.js'
import { finishMigrations } from '../db/migrate.js'
import type { Db } from '../db/schema.js'
import { sortWords } from '../db/search.js'
import { type Cluster, startCluster } from '../postgres/cluster.js'
import { type Starting, waiting } from '../waiting.js'
import { lookAtConnections } from './connections.js'
import { listen, urls } from './listener.js'
import { logCrashes, openLog } from './log.js'
import { metricsOfWorkers, serveMetrics } from './metrics.js'
import { openParts } from './parts.js'
import { stopSignal } from './signals.js'
import { startWorkers } from './workers.js'

/** How often expired rows are deleted, in milliseconds. */
const EXPIRY = 3_600_000

/** How often the words of new messages are sorted into the search index, in milliseconds. */
const SORTING = 1_000

/** How long running work may take to finish after a signal and DRAIN, in milliseconds. The listener and each worker allow less. */
const PATIENCE = 15_000

/**
 * Runs the program, from reading its configuration to a clean end after SIGINT or SIGTERM, which can come at any moment. The caller
 * must end the process afterwards, as some of its work may go on. Throws an OperatorError when the program cannot start.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const signal = stopSignal()
  const config = readConfig(env)
  const log = openLog(config.logLevel)
  logCrashes(log)
  const starting = { say: (sentence: string) => log.info(sentence), signal }
  const stopped = new Promise<string>(resolve =>
    signal.addEventListener('abort', () => {
      const first = config.drain > 0 ? `not ready any more, and stops in ${config.drain} s, ` : ''
      log.info(`${signal.reason.message}: ${first}finishing what is under way`)
      resolve(signal.reason.message)
    }),
  )
  let cluster: Kept | undefined
  try {
    cluster = config.databaseUrl ? undefined : await keepCluster(config, log, starting)
    const address: Address = config.databaseUrl
      ? { connectionString: config.databaseUrl }
      : (cluster as Kept).connection
    await prepare(config, log, address, starting)
    const running = await open(config, log, address, starting)
    if (running.tutorialPort !== undefined) {
      log.info(
        `Tutorial: at port ${running.tutorialPort} everybody who knows a link of TUTORIAL_LINKS reads its chat without signing in. Links: ${config.tutorial?.links.size}`,
      )
    }
    log.info(`Ready: ${urls(config, running.port).join('  ')}`)
    const upgrading = new AbortController()
    const upgraded = finishMigrations(address, upgradeLog(log), upgrading.signal)
    await Promise.race([stopped, cluster?.lost ?? new Promise<never>(() => {})])
    upgrading.abort()
    await Promise.race([Promise.all([upgraded, running.stop()]), wait(PATIENCE + config.drain * 1000)])
  } catch (error) {
    if (error !== signal.reason) throw error
  } finally {
    await cluster?.stop()
  }
  log.info('Stopped')
}

/** Migrates the database, once for all processes. */
async function prepare(config: Config, log: Logger, address: Address, starting: Starting) {
  await prepareDatabase(address, config, { ...starting, say: upgradeLog(log) })
  await lookAtConnections(config, log, address)
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
  tutorialPort: number | undefined
  stop(): Promise<void>
}

/** Serves requests in this process, or in several others that it keeps running. */
async function open(config: Config, log: Logger, address: Address, starting: Starting): Promise<Running> {
  if (config.workers > 1) {
    const { db } = connect(address, () => {}, 1)
    const workers = await startWorkers(config, address, log, starting)
    const metrics = await serveMetrics(config.metrics, log, config.metrics && (await metricsOfWorkers()))
    const chores = keepUp(db, log)
    return {
      port: workers.port,
      tutorialPort: workers.tutorialPort,
      async stop() {
        chores.stop()
        metrics.close()
        await workers.stop()
        await db.destroy()
      },
    }
  }
  const parts = await waiting(
    openParts(config, log, address),
    () => 'Still reading the views and the database',
    starting,
  )
  const listener = await waiting(
    listen(parts, config),
    () => `Still looking for ${config.host}, the address of HOST`,
    starting,
  )
  const metrics = await serveMetrics(config.metrics, log, parts.meters?.registry)
  const chores = keepUp(parts.db, log)
  return {
    port: listener.port,
    tutorialPort: listener.tutorialPort,
    async stop() {
      chores.stop()
      metrics.close()
      await listener.close()
      await parts.close()
    },
  }
}

/** The work that nobody waits for. */
function keepUp(db: Db, log: Logger) {
  const chores = [
    every(
      EXPIRY,
      () => deleteExpired(db),
      error => log.warn({ err: error }, 'Deleting what has expired failed'),
    ),
    // Not told: those who search or post meet the same failure, and do the work themselves.
    every(
      SORTING,
      () => sortWords(db),
      () => {},
    ),
  ]
  return {
    stop() {
      for (const stop of chores) stop()
    },
  }
}

/** Does the work every so many milliseconds, unless it is still under way. After the end a failure is not told: its connections are closed. */
function every(milliseconds: number, work: () => Promise<unknown>, onFailure: (error: unknown) => void) {
  let isUnderWay = false
  let isOver = false
  const timer = setInterval(async () => {
    if (isUnderWay) return
    isUnderWay = true
    await work().catch(error => isOver || onFailure(error))
    isUnderWay = false
  }, milliseconds)
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

interface Kept {
  connection: Cluster['connection']
  /** Resolves once the server has died and cannot be started again. */
  lost: Promise<string>
  stop(): Promise<void>
}

/** Runs the embedded PostgreSQL, and starts it again when it dies. Until it is back, requests are answered with 503. */
async function keepCluster({ dataDir }: Config, log: Logger, { say, signal }: Starting): Promise<Kept> {
  const start = () => startCluster(dataDir, say, { signal })
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
      // A server that is just being started would run on after us.
      await restarting.then(
        started => started.stop(),
        () => {},
      )
    },
  }
}
