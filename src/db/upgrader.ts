import { setTimeout as wait } from 'node:timers/promises'
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { type Address, KEPT_ALIVE, statementsToSet } from './connection.js'
import type { Db, Schema } from './schema.js'

/** The number of the lock of Kysely's Migrator, so that programs up to 0.1, which used it, wait too. */
const LOCK = 3853314791062309107n

/** How often the lock is tried, and how often progress is told, in milliseconds. */
const ASK = 500
const TELL = 5_000

/** Limits that an operator may have set for the role or the database. An upgrade must not be ended by them. */
const LIMITS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
]

/** The connections with which a program upgrades the database. */
export interface Upgrader {
  /** One connection, without limits. */
  db: Db
  /** Waits until no other program upgrades. The lock is held until the upgrader is closed. */
  takeLock(): Promise<void>
  /** Tells every 5 s how far the work has come, and what it may be waiting for. */
  telling<T>(what: string, work: () => Promise<T>): Promise<T>
}

/**
 * Opens two connections for `work`, and closes them after it or at the signal. One does the work, the other holds the lock and observes.
 * Programs up to 0.1 wait for the lock inside PostgreSQL, and hold a snapshot meanwhile. An index that is built concurrently waits for that
 * snapshot. If one session held the lock and built the index, the two programs would wait for each other.
 */
export async function withUpgrader<T>(
  address: Address,
  say: (sentence: string) => void,
  work: (upgrader: Upgrader) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const worker = await open(address)
  const watcher = await open(address).catch(async error => {
    await worker.end()
    throw error
  })
  const cut = () => {
    for (const client of [worker, watcher]) {
      streamOf(client).destroy()
    }
  }
  // The work must stop when the lock is lost.
  watcher.once('end', cut)
  signal?.addEventListener('abort', cut)
  try {
    signal?.throwIfAborted()
    const pid = await pidOf(worker)
    return await work({
      db: onOne(worker),
      takeLock: () => takeLock(watcher, say),
      telling: (what, work) => telling(pid, watcher, say, what, work),
    })
  } finally {
    watcher.off('end', cut)
    signal?.removeEventListener('abort', cut)
    await Promise.allSettled([worker.end(), watcher.end()])
  }
}

async function open(address: Address): Promise<pg.Client> {
  const client = new pg.Client({
    ...address,
    application_name: 'chatire upgrade',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // If it breaks, the statement that is under way fails, which is reported there.
  client.on('error', () => {})
  await client.connect()
  await client.query("select set_config(name, '0', false) from pg_settings where name = any($1)", [LIMITS])
  await client.query(statementsToSet(KEPT_ALIVE))
  // The server stops a statement whose program is gone. Not all systems support this.
  await client.query("set client_connection_check_interval = '2s'").catch(() => {})
  return client
}

/** The number of the server's process. The one that a client is told when it connects is made up where a pooler is in between. */
async function pidOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return rows[0].pid
}

/** Kysely on a single connection, which the caller closes. */
function onOne(client: pg.Client): Db {
  const shared = { query: client.query.bind(client), release() {} } as unknown as PostgresPoolClient
  return new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: { connect: async () => shared, end: async () => {} } }),
  })
}

/** Tries the lock again and again, and does not wait for it: see withUpgrader. */
async function takeLock(watcher: pg.Client, say: (sentence: string) => void) {
  for (let asked = 0; ; asked++) {
    const { rows } = await watcher.query('select pg_try_advisory_lock($1) as taken', [LOCK])
    if (rows[0].taken) {
      return
    }
    if ((asked * ASK) % TELL === 0) {
      say('Waiting for another program that is upgrading the database')
    }
    await wait(ASK)
  }
}

async function telling<T>(
  pid: number,
  watcher: pg.Client,
  say: (sentence: string) => void,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const begun = performance.now()
  const timer = setInterval(async () => {
    const seconds = Math.round((performance.now() - begun) / 1000)
    const more = await progress(pid, watcher).catch(() => [])
    say([`${what} is under way, ${seconds} s so far`, ...more].join('; '))
  }, TELL)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

/** How far the worker of that pid is with an index, and whose transactions began before: what an upgrade waits for is one of them. */
async function progress(pid: number, watcher: pg.Client): Promise<string[]> {
  const { rows: builds } = await watcher.query(
    `select phase, round(100.0 * blocks_done / nullif(blocks_total, 0)) as percent
     from pg_stat_progress_create_index where pid = $1`,
    [pid],
  )
  const { rows: others } = await watcher.query(
    `select pid, coalesce(nullif(application_name, ''), usename::text) as name,
       round(extract(epoch from now() - xact_start)) as seconds
     from pg_stat_activity
     where datname = current_database() and backend_type = 'client backend' and pid not in ($1, pg_backend_pid())
       and xact_start < now() - interval '1 second'
     order by xact_start
     limit 3`,
    [pid],
  )
  return [
    ...builds.map(({ phase, percent }) => `${phase}${percent === null ? '' : `, ${percent} %`}`),
    ...others.map(({ pid, name, seconds }) => `${name} (pid ${pid}) has been in a transaction for ${seconds} s`),
  ]
}

function streamOf(client: pg.Client) {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream
}
