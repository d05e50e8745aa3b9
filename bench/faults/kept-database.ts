import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Cluster, majorIn, openDataDir, startCluster } from '../../src/postgres/cluster.js'
import { findPostmaster } from '../../src/postgres/postmaster.js'
import { descendantsOf } from './processes.js'

/** A PostgreSQL that is started again each time it dies, as an operator's system does. */
export interface KeptDatabase {
  readonly dataDir: string
  readonly connection: Cluster['connection']
  /** Of the main process; 0 while there is none. */
  readonly pid: number
  /** All its processes. */
  processes(): number[]
  /** One of those that serve the program, by chance; none where there are none. */
  someBackend(): Promise<number[]>
  /** Asks by a connection of its own, again and again until the database answers. */
  query(sql: string, values?: unknown[]): Promise<pg.QueryResult>
  /** A connection of its own, for a lock or a transaction. */
  connect(): Promise<pg.Client>
  stop(): Promise<void>
}

export async function keepDatabase(dataDir: string): Promise<KeptDatabase> {
  let cluster = await startCluster(dataDir, () => {})
  const { connection } = cluster
  const home = await openDataDir(dataDir)
  const dir = path.join(home, `postgres-${await majorIn(home)}`)
  let stopping = false
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const kept = (async () => {
    while (!stopping) {
      await Promise.race([cluster.died, ended])
      if (!stopping) {
        // Where the disk is full it dies again.
        const started = await startCluster(dataDir, () => {}).catch(() => undefined)
        cluster = started ?? cluster
        await wait(started ? 0 : 500)
      }
    }
  })()
  const database: KeptDatabase = {
    dataDir,
    connection,
    get pid() {
      return findPostmaster(dir)?.pid ?? 0
    },
    processes() {
      const { pid } = database
      return pid > 0 ? [pid, ...descendantsOf(pid)] : []
    },
    async someBackend() {
      const { rows } = await database.query(
        "select pid from pg_stat_activity where application_name = 'chatire' order by random() limit 1",
      )
      return rows.map(({ pid }) => pid)
    },
    async query(sql, values = []) {
      for (;;) {
        const client = await database.connect()
        try {
          return await client.query(sql, values)
        } catch (error) {
          if (!isOutage(error)) {
            throw error
          }
          await wait(100)
        } finally {
          await client.end().catch(() => {})
        }
      }
    },
    async connect() {
      for (;;) {
        const client = new pg.Client(connection)
        client.on('error', () => {})
        try {
          await client.connect()
          return client
        } catch {
          await wait(100)
        }
      }
    },
    async stop() {
      stopping = true
      end()
      await kept
      await cluster.stop()
    },
  }
  return database
}

function isOutage(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return !/^(42|22|23)/.test(code)
}
