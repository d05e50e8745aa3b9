import { promises as fs } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileMigrationProvider, Migrator, sql } from 'kysely'
import { OLDEST_POSTGRES } from './connection.js'
import type { Db } from './schema.js'

/**
 * Brings the database to the newest schema; several programs may call it at once (Kysely takes an advisory lock).
 * Returns the names of the migrations that ran. Throws when the server is older than we support, or the database
 * cannot hold all text.
 */
export async function migrate(db: Db): Promise<string[]> {
  const { rows } = await sql<{ number: number; encoding: string }>`
    select current_setting('server_version_num')::int as number, current_setting('server_encoding') as encoding`.execute(
    db,
  )
  const major = Math.floor((rows[0]?.number ?? 0) / 10_000)
  if (major < OLDEST_POSTGRES) {
    throw new Error(`The database server is PostgreSQL ${major}; Chatire needs ${OLDEST_POSTGRES} or newer.`)
  }
  if (rows[0]?.encoding !== 'UTF8') {
    throw new Error(`The database's encoding is ${rows[0]?.encoding}; Chatire needs one that was created with UTF8.`)
  }
  const migrationFolder = fileURLToPath(new URL('./migrations', import.meta.url))
  const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
  const { error, results } = await migrator.migrateToLatest()
  if (error) {
    throw error
  }
  return (results ?? []).map(result => result.migrationName)
}
