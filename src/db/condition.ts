import { sql } from 'kysely'
import type { Db } from './schema.js'

/** How a connection of the program finds its server. */
export interface Condition {
  /** Such as 18.4, and 180004. */
  version: string
  version_num: number
  /** By name, as they are in force on this connection. */
  settings: Record<string, string>
  /** Of the server's clock. */
  now: Date
  /** Of the role. */
  superuser: boolean
  standby: boolean
  /** Of the database, in bytes. */
  size: number
  /** Connections of others, of this program and of all other ones, and how many there can be for roles that are no superusers. */
  others: number
  most: number
}

const SETTINGS = [
  'fsync',
  'full_page_writes',
  'synchronous_commit',
  'data_checksums',
  'default_transaction_read_only',
  'default_transaction_isolation',
  'lock_timeout',
  'statement_timeout',
  'idle_in_transaction_session_timeout',
]

export async function condition(db: Db): Promise<Condition> {
  const { rows } = await sql<Condition>`
    select
      current_setting('server_version') as version, current_setting('server_version_num')::int as version_num,
      (select json_object_agg(name, current_setting(name)) from pg_settings where name = any(${SETTINGS})) as settings,
      clock_timestamp() as now, pg_is_in_recovery() as standby, pg_database_size(current_database()) as size,
      (select rolsuper from pg_roles where rolname = current_user) as superuser,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
      (
        select count(*) from pg_stat_activity
        where backend_type = 'client backend' and application_name not like 'chatire%'
      ) as others`.execute(db)
  return rows[0] as Condition
}
