import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { connect } from '../../src/db/connection.js'
import { migrate } from '../../src/db/migrate.js'
import { type Cluster, startCluster } from '../../src/postgres/cluster.js'

let dataDir: string
let cluster: Cluster
let count = 0

export async function startDatabases() {
  dataDir = await mkdtemp(path.join(tmpdir(), 'chatire-test-'))
  // POSTGRES=system: the oldest server we support is often the system's.
  cluster = await startCluster(dataDir, () => {}, process.env.POSTGRES === 'system' ? { binaries: 'system' } : {})
  await command('create database migrated')
  const { db } = connect({ ...cluster.connection, database: 'migrated' }, () => {})
  await migrate(db)
  await db.destroy()
}

export async function stopDatabases() {
  await cluster?.stop()
  await rm(dataDir, { recursive: true, force: true })
}

/** A new database with the newest schema and nothing in it. */
export async function createDatabase(): Promise<Cluster['connection']> {
  const database = `test_${++count}`
  await command(`create database ${database} template migrated`)
  return { ...cluster.connection, database }
}

/** A new database with nothing at all in it. */
export async function createEmptyDatabase(): Promise<Cluster['connection']> {
  const database = `test_${++count}`
  await command(`create database ${database}`)
  return { ...cluster.connection, database }
}

export async function dropDatabase(database: string) {
  await command(`drop database ${database} with (force)`)
}

/** The same as a URL, for programs that are told by DATABASE_URL. */
export function databaseUrl({ host, user, database }: Cluster['connection']): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`
}

async function command(sql: string) {
  const client = new pg.Client(cluster.connection)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
