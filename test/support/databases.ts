import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { Cluster } from '../../src/postgres/cluster.js'

/** The environment variable with a URL. Test files run in processes of their own, and ask there for the server that they share. */
const ASK = 'TEST_POSTGRES'

const ends: (() => unknown)[] = []
let started: Promise<Cluster['connection']> | undefined
let asked: Promise<Cluster['connection']> | undefined
let count = 0

/** One PostgreSQL server for the whole run. It starts when the first test asks for a database: many files need none. */
export async function offerDatabases() {
  const desk = createServer(async (_request, response) => {
    started ??= startDatabases()
    await started.then(
      connection => response.end(JSON.stringify(connection)),
      error => response.writeHead(500).end(error.stack),
    )
  })
  await new Promise<void>(resolve => desk.listen(0, '127.0.0.1', resolve))
  process.env[ASK] = `http://127.0.0.1:${(desk.address() as AddressInfo).port}`
  ends.push(() => desk.close())
}

async function startDatabases(): Promise<Cluster['connection']> {
  // Imported here, because that takes longer than some test files.
  const { startCluster } = await import('../../src/postgres/cluster.js')
  const { finishMigrations, migrate } = await import('../../src/db/migrate.js')
  const dataDir = await mkdtemp(path.join(tmpdir(), 'chatire-test-'))
  // POSTGRES=system: the oldest server we support is often the system's.
  const cluster = await startCluster(dataDir, () => {}, process.env.POSTGRES === 'system' ? { binaries: 'system' } : {})
  ends.push(cluster.stop, () => rm(dataDir, { recursive: true, force: true }))
  const { connection } = cluster
  // Nothing is kept after the run, and writing to disk is most of the cost of hundreds of databases.
  for (const setting of ['fsync = off', 'full_page_writes = off']) {
    await command(connection, `alter system set ${setting}`)
  }
  // Since PostgreSQL 18 the system can copy the files, which takes a fifth of the time.
  await command(connection, 'alter system set file_copy_method = clone').catch(() => {})
  await command(connection, 'select pg_reload_conf()')
  await command(connection, 'create database migrated')
  const address = { ...connection, database: 'migrated' }
  await migrate(address, () => {})
  await finishMigrations(address, () => {}, new AbortController().signal)
  // Each copy is a database of its own, and no restored backup.
  await command(address, 'update epoch set system_identifier = null, database = null')
  return connection
}

export async function stopDatabases() {
  for (const end of ends) {
    await end()
  }
}

/** The server. The first call of a run starts it. */
async function server(): Promise<Cluster['connection']> {
  asked ??= fetch(process.env[ASK] ?? '').then(async answer => {
    if (!answer.ok) {
      throw new Error(`PostgreSQL does not start: ${await answer.text()}`)
    }
    return (await answer.json()) as Cluster['connection']
  })
  return asked
}

/** A new database with the newest schema and no rows. */
export async function createDatabase(): Promise<Cluster['connection']> {
  const database = `test_${process.pid}_${++count}`
  const connection = await server()
  // Without fsync, copying the files costs half of what writing them to the log does.
  await command(connection, `create database ${database} template migrated strategy file_copy`)
  return { ...connection, database }
}

/** A new database without any tables. */
export async function createEmptyDatabase(): Promise<Cluster['connection']> {
  const database = `test_${process.pid}_${++count}`
  const connection = await server()
  await command(connection, `create database ${database}`)
  return { ...connection, database }
}

export async function dropDatabase(database: string) {
  await command(await server(), `drop database ${database} with (force)`)
}

/**
 * A pool for a test's own statements. Its `end` does not wait until the connections are closed, so PostgreSQL ends some of them where the database
 * is dropped after it: that is no error.
 */
export function openPool(address: pg.ClientConfig): pg.Pool {
  const pool = new pg.Pool(address)
  pool.on('connect', client => client.on('error', () => {})).on('error', () => {})
  return pool
}

/** The same as a URL, for the variable DATABASE_URL of a program. */
export function databaseUrl({
  host,
  user,
  database,
}: Pick<Cluster['connection'], 'host' | 'user' | 'database'>): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`
}

async function command(connection: Cluster['connection'], sql: string) {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
