import type { Socket } from 'node:net'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { Db, Schema } from './schema.js'

/** Where the database is: a URL, or the socket of the server we started. */
export type Address = { connectionString: string } | { host: string; user: string; database: string }

export const OLDEST_POSTGRES = 15

/** After how many milliseconds without an answer a connection is ended. The server itself ends statements sooner. */
const SILENCE = 20_000

/** SQLSTATEs: a cached plan must not change its result type, there is no such prepared statement, and there is one already. */
const STALE = /^(0A000|26000|42P05)$/

// bigint: ids and versions stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/**
 * The settings of each session. A statement sets them after connecting, as poolers such as PgBouncer refuse them in the first packet. No
 * statement waits longer than 2 s for a lock or runs longer than 15 s, and an open transaction ends after 5 s without a statement, so
 * that a stalled program cannot hold a chat.
 */
export const LIMITED = {
  lock_timeout: '2s',
  statement_timeout: '15s',
  idle_in_transaction_session_timeout: '5s',
  // The server's own setting would end idle connections of the pool.
  idle_session_timeout: '0',
}

/**
 * A machine that vanished from the network is noticed after a minute. With its system's settings PostgreSQL would keep the machine's connections,
 * and the lock of an upgrade, for two hours. Of no effect on a socket of this machine.
 */
export const KEPT_ALIVE = {
  tcp_keepalives_idle: '30s',
  tcp_keepalives_interval: '10s',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '30s',
}

// The functions (src/db/functions.ts) need every statement to see what was committed before it.
const DURABLE = { synchronous_commit: 'on', default_transaction_isolation: 'read committed', timezone: 'UTC' }

/**
 * Each of our statements finds its rows by an index, in the order of the index, for all values. So each is planned once. With its default
 * settings the planner sorts and hashes whole chats in tables that grew from empty and were never analysed, and keeps such plans for
 * post_messages: posting decayed from 7,000/s to 2,100/s within 12 s, and the time of reading grew with the chat. If an index is partial,
 * the statement contains its value as a literal, as a generic plan could not use the index otherwise.
 */
const BY_INDEX = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_material: 'off',
  // Before version 18 the settings above add a fortune to costs, and the compiler starts at a certain cost.
  jit: 'off',
}

const SETTINGS = statementsToSet({ ...LIMITED, ...KEPT_ALIVE, ...DURABLE, ...BY_INDEX })

/** The statements that give a session these settings. */
export function statementsToSet(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([name, value]) => `set ${name} = '${value}'`)
    .join('; ')
}

/**
 * A pool of at most `connections`. `onError` is told of idle connections that broke. (Without a listener a restart of the database would
 * end the program.)
 */
export function connect(
  address: Address,
  onError: (error: Error) => void,
  connections = 16,
): { db: Db; pool: pg.Pool } {
  const pool = new pg.Pool({
    ...address,
    Client: OurClient,
    max: connections,
    connectionTimeoutMillis: 5_000,
    application_name: 'chatire',
  })
  pool.on('error', onError)
  return { db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), pool }
}

/** Throws unless the database answers. */
export async function probe(db: Db) {
  await sql`select 1`.execute(db)
}

/**
 * Whether each connection keeps its own session. Behind a pooler that changes sessions between transactions, the settings above would
 * apply to other programs and not to this one, prepared statements would be missing, and LISTEN would receive nothing.
 */
export async function hasSessions(address: Address): Promise<boolean> {
  const { pool } = connect(address, () => {}, 2)
  try {
    const one = await pool.connect()
    const other = await pool.connect().catch(error => {
      // The pool would wait for it.
      one.release(true)
      throw error
    })
    return await keepSessions(one, other).finally(() => {
      one.release(true)
      other.release(true)
    })
  } finally {
    await pool.end()
  }
}

async function keepSessions(one: pg.PoolClient, other: pg.PoolClient): Promise<boolean> {
  const session = await sessionOf(one)
  try {
    // A connection keeps its session in a transaction. If they share sessions, the first connection gets another one then.
    await other.query('begin')
  } catch (error) {
    // PgBouncer with pool_mode=statement knows no transactions.
    if ((error as pg.DatabaseError).code === '08P01') {
      return false
    }
    throw error
  }
  return (await sessionOf(other)) !== session && (await sessionOf(one)) === session
}

async function sessionOf(client: pg.PoolClient): Promise<number> {
  const { rows } = await client.query('select pg_backend_pid() as pid')
  return rows[0].pid
}

/**
 * Prepares each statement once for a connection, so that the server does not parse and plan it every time. There are few different ones,
 * as their texts are in the code and never contain values.
 */
class OurClient extends pg.Client {
  /** As the pool calls it. Every failure to connect is an outage, such as a changed password, whatever its code is. */
  // biome-ignore lint/suspicious/noExplicitAny: pg's types know of no callback that is called with or without an error
  override connect(done?: any): any {
    const report = (error?: Error | null) => done(error ? Object.assign(error, { unconnected: true }) : null)
    // The pool listens to idle connections only. One that breaks before it is set up, or in use between two statements, would end the
    // program without this listener. Its next statement fails anyway.
    this.on('error', () => {})
    super.connect((error?: Error | null) => (error ? report(error) : super.query(SETTINGS, report)))
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of pg's query cannot be spelled again
  override query(statement: any, values?: any, ...rest: any[]): any {
    const isOurs = typeof statement === 'string' && Array.isArray(values) && values.length > 0 && rest.length === 0
    const answer = isOurs
      ? super.query({ name: nameOf(statement), text: statement, values })
      : super.query(statement, values, ...(rest as []))
    if (answer instanceof Promise) {
      this.endIfSilent(answer)
      this.endIfStale(answer)
    }
    return answer
  }

  /** Ends a connection whose prepared statements are of no use: of tables that have changed, or in another session. */
  private endIfStale(answer: Promise<unknown>) {
    answer.catch(({ code }) => {
      if (STALE.test(code)) {
        this.stream.destroy()
      }
    })
  }

  /** Ends a connection without an answer. If the server vanished from the network, TCP would notice after a quarter of an hour. */
  private endIfSilent(answer: Promise<unknown>) {
    const timer = setTimeout(() => this.stream.destroy(), SILENCE)
    const heard = () => clearTimeout(timer)
    answer.then(heard, heard)
  }

  private get stream(): Socket {
    return (this as unknown as { connection: { stream: Socket } }).connection.stream
  }
}

const names = new Map<string, string>()

function nameOf(text: string): string {
  const name = names.get(text) ?? `statement_${names.size + 1}`
  names.set(text, name)
  return name
}

/** One connection with the server's own settings and limits, for as long as `use` takes. */
export async function withClient<T>(address: Address, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(address)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
