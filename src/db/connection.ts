import type { Socket } from 'node:net'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { Db, Schema } from './schema.js'

/** Where the database is: a URL, or the socket of the server we started. */
export type Address = { connectionString: string } | { host: string; user: string; database: string }

export const OLDEST_POSTGRES = 15

/** In milliseconds. The server itself ends statements sooner. */
const SILENCE = 20_000

/** SQLSTATEs: a cached plan must not change its result, no such prepared statement, and one of that name already. */
const STALE = /^(0A000|26000|42P05)$/

// bigint: ids and versions stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/**
 * Of each session. They are set by a statement once it is there, as poolers such as PgBouncer refuse them in the first packet.
 * No statement waits longer than 2 s for a lock or runs longer than 15 s, and a transaction that is left open ends after
 * 5 s, so that a stalled program cannot hold a chat.
 */
const LIMITED = {
  lock_timeout: '2s',
  statement_timeout: '15s',
  idle_in_transaction_session_timeout: '5s',
  // A server's own would end connections under us.
  idle_session_timeout: '0',
}

// The functions (src/db/functions.ts) count on each of their statements seeing what was committed before it.
const DURABLE = { synchronous_commit: 'on', default_transaction_isolation: 'read committed', timezone: 'UTC' }

/**
 * Every statement of ours finds its rows by an index, in the index's order, whatever its values: so each is planned once. Left
 * to itself the planner sorts and hashes whole chats in tables that have grown from empty and were never analysed, and
 * keeps such plans for the posting function: posting decayed from 7,000/s to 2,100/s within 12 s, and reading grew with
 * the chat. Where an index is partial, the statement spells the value out, as a plan for any value could not use it.
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

const SETTINGS = Object.entries({ ...LIMITED, ...DURABLE, ...BY_INDEX })
  .map(([name, value]) => `set ${name} = '${value}'`)
  .join('; ')

/**
 * A pool of at most `connections`. `onError` hears of idle connections that broke: without a listener a restart of the database
 * would end the program.
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
  // The pool listens to idle connections alone. One that breaks in somebody's hands, between two statements, would end the
  // program; the next statement fails anyway.
  pool.on('connect', client => client.on('error', () => {}))
  return { db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), pool }
}

/** Throws unless the database answers. */
export async function probe(db: Db) {
  await sql`select 1`.execute(db)
}

/**
 * Whether each connection has a session to itself. Behind a pooler that changes sessions between transactions the settings
 * above would hold for others and not for us, statements would not be prepared where they are called, and nobody would listen.
 */
export async function hasSessions(address: Address): Promise<boolean> {
  const { pool } = connect(address, () => {}, 2)
  try {
    const [one, other] = [await pool.connect(), await pool.connect()]
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
    // Whoever is in a transaction keeps a session: the first connection gets another one then, if they share them.
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
 * Has the server parse and plan each statement once for a connection rather than each time. The statements are those that stand
 * in our code, so they are few: values never become part of their text.
 */
class OurClient extends pg.Client {
  /** As the pool calls it. What keeps a connection from being made is an outage, such as a changed password, whatever its code. */
  // biome-ignore lint/suspicious/noExplicitAny: pg's types know of no callback that is called with or without an error
  override connect(done?: any): any {
    const report = (error?: Error | null) => done(error ? Object.assign(error, { unconnected: true }) : null)
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

  /** Statements that were prepared for tables that have changed since, or in another session, fail again and again here. */
  private endIfStale(answer: Promise<unknown>) {
    answer.catch(({ code }) => {
      if (STALE.test(code)) {
        this.stream.destroy()
      }
    })
  }

  /** A server that vanished from the network says nothing for a quarter of an hour, while everybody waits for this answer. */
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
