import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { finishMigrations, migrate } from '../../src/db/migrate.js'
import { type Cluster, startCluster } from '../../src/postgres/cluster.js'

/** Where files that run in processes of their own find the server that was started for all. */
const SERVER = 'TEST_POSTGRES'

let stop = async () => {}
let count = 0

export async function startDatabases() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'chatire-test-'))
  // POSTGRES=system: the oldest server we support is often the system's.
  const cluster = await startCluster(dataDir, () => {}, process.env.POSTGRES === 'system' ? { binaries: 'system' } : {})
  stop = async () => {
    await cluster.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  process.env[SERVER] = JSON.stringify(cluster.connection)
  // Nothing of it outlives the run, and the disk is most of what hundreds of databases cost.
  await command('alter system set fsync = off')
  await command('select pg_reload_conf()')
  await command('create database migrated')
  const address = { ...cluster.connection, database: 'migrated' }
  await migrate(address, () => {})
  await finishMigrations(address, () => {}, new AbortController().signal)
}

export async function stopDatabases() {
  await stop()
}

function server(): Cluster['connection'] {
  return JSON.parse(process.env[SERVER] ?? '{}')
}

/** A new database with the newest schema and nothing in it. */
export async function createDatabase(): Promise<Cluster['connection']> {
  const database = `test_${process.pid}_${++count}`
  await command(`create database ${database} template migrated`)
  return { ...server(), database }
}

/** A new database with nothing at all in it. */
export async function createEmptyDatabase(): Promise<Cluster['connection']> {
  const database = `test_${process.pid}_${++count}`
  await command(`create database ${database}`)
  return { ...server(), database }
}

export async function dropDatabase(database: string) {
  await command(`drop database ${database} with (force)`)
}

/** The same as a URL, for programs that are told by DATABASE_URL. */
export function databaseUrl({
  host,
  user,
  database,
}: Pick<Cluster['connection'], 'host' | 'user' | 'database'>): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`
}

async function command(sql: string) {
  const client = new pg.Client(server())
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
