import { type Address, withClient } from './connection.js'

/** The major version of the server, and the newest migration of the database on it: null where it was never used. */
export function releaseOf(address: Address): Promise<{ postgres: number; migration: string | null }> {
  return withClient(address, async client => {
    const { rows } = await client.query(`
      select current_setting('server_version_num')::int / 10000 as postgres, to_regclass('kysely_migration') is not null as used`)
    const { postgres, used } = rows[0]
    const newest = used ? await client.query('select max(name) as migration from kysely_migration') : undefined
    return { postgres, migration: newest?.rows[0].migration ?? null }
  })
}
