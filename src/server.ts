import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { lanAddresses } from './address.js'
import { createApp } from './app.js'
import { loadAssets } from './assets.js'
import { turnTaker } from './buckets.js'
import { type Config, LIMITS, readConfig } from './config.js'
import type { Parts } from './context.js'
import { type Address, connect } from './db/connection.js'
import { identities } from './db/identities.js'
import { migrate } from './db/migrate.js'
import { postQueue } from './db/post-queue.js'
import type { Db } from './db/schema.js'
import { secret } from './db/secrets.js'
import { sweep } from './db/sweep.js'
import { openLog } from './log.js'
import { type Cluster, startCluster } from './postgres/cluster.js'
import { loadViews } from './views.js'

/** How long requests in flight may take to finish once the program was told to stop, in milliseconds. */
const PATIENCE = 10_000

/**
 * The life of the program, from reading its configuration to a clean end after SIGINT or SIGTERM. Throws an error whose
 * message is for the person at the terminal when it cannot start.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const stopped = stopSignal()
  const config = readConfig(env)
  const log = openLog(config.logLevel)
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'The program failed')
    process.exit(1)
  })

  const cluster = config.databaseUrl ? undefined : await keepCluster(config, log)
  try {
    const address: Address = config.databaseUrl
      ? { connectionString: config.databaseUrl }
      : (cluster as Kept).connection
    const { db } = connect(address, error => log.warn({ err: error }, 'A database connection broke'))
    try {
      const server = await open(config, log, db)
      const sweeping = setInterval(
        () => sweep(db).catch(error => log.warn({ err: error }, 'Sweeping failed')),
        3_600_000,
      )
      const signal = await Promise.race([stopped, cluster?.lost ?? new Promise<never>(() => {})])
      log.info(`${signal}: finishing what is under way`)
      clearInterval(sweeping)
      await close(server)
    } finally {
      await db.destroy()
    }
  } finally {
    await cluster?.stop()
  }
  log.info('Stopped')
}

/** Migrates, builds the parts and listens. */
async function open(config: Config, log: Logger, db: Db): Promise<Server> {
  const applied = await migrate(db).catch(error => {
    // Names the variable and not its value, which has a password in it.
    throw config.databaseUrl
      ? new Error(`The database that DATABASE_URL names cannot be reached or used: ${reason(error)}.`)
      : error
  })
  for (const name of applied) {
    log.info(`Database: ${name} applied`)
  }
  const parts: Parts = {
    config,
    log,
    db,
    identities: identities(db),
    posts: postQueue(db, { waiting: LIMITS.waitingPosts, perCall: LIMITS.postsPerCall }),
    takeTurn: turnTaker(config.limited),
    secret: await secret(db, 'seal'),
    assets: await loadAssets(),
    views: loadViews(),
  }
  if (!config.limited) {
    log.warn(
      'LIMITS=off: nothing holds back who guesses passwords or floods chats. For tests on your own machine only.',
    )
  }
  const server = createServer(
    // Behind a proxy a connection must outlive the proxy's own idea of it, usually 60 s.
    { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 5_000 },
    createApp(parts).callback(),
  )
  await listen(server, config)
  log.info(`Ready: ${urls(server, config).join('  ')}`)
  return server
}

/** An AggregateError, one for each address that was tried, has no message of its own. */
function reason(error: unknown): string {
  const { errors, message } = error as AggregateError
  return message || (errors ?? []).map(reason).join(', ')
}

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `port ${port}${host ? ` of ${host}` : ''}`
      const reasons: Record<string, string> = {
        EADDRINUSE: `Another program listens on ${where} already. Choose another one with PORT.`,
        EACCES: `This user may not listen on ${where}. Choose another one with PORT.`,
        EADDRNOTAVAIL: `This machine does not have the address ${host}. Choose another one with HOST.`,
        ENOTFOUND: `There is no address for ${host}. Choose another one with HOST.`,
      }
      reject(new Error(reasons[error.code ?? ''] ?? error.message))
    })
    server.listen({ port, host }, resolve)
  })
}

/** Where people reach the server: where PUBLIC_URL is set nowhere else, as forms and cookies are bound to it. */
function urls(server: Server, { host, publicUrl }: Config): string[] {
  if (publicUrl) {
    return [publicUrl.href]
  }
  const { port } = server.address() as AddressInfo
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const hosts = everywhere ? ['localhost', ...lanAddresses()] : [host.includes(':') ? `[${host}]` : host]
  return hosts.map(name => `http://${name}:${port}/`)
}

/** Lets requests in flight finish; connections that only wait for another request are closed. */
async function close(server: Server): Promise<void> {
  // Connections that are kept alive would hold the server until they time out: each is told to close with its answer.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), PATIENCE)
  await new Promise(resolve => server.close(resolve))
  clearInterval(idle)
  clearTimeout(deadline)
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

function stopSignal(): Promise<string> {
  return new Promise(resolve => {
    // Not once: a second one, which npm passes on beside the terminal's, would end the program at once.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(signal))
    }
  })
}
