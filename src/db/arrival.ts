import pg from 'pg'
import type { Config } from '../config.js'
import { OperatorError } from '../operator-error.js'
import { pause, type Starting, waiting } from '../waiting.js'
import { type Address, connect, hasSessions, probe } from './connection.js'
import { migrate } from './migrate.js'
import type { Db } from './schema.js'

/** How long a database that is not there yet is waited for, and how long from one try to the next, in milliseconds. */
const ARRIVAL = 30_000
const PAUSE = 500

/**
 * SQLSTATE: 08 connection, 53 no resources, 57P01 to 57P03 shutting down or starting, 3D000 not created. Then the network, a
 * name or a socket that is not there.
 */
const MAY_COME =
  /^(08...|53...|57P0[123]|3D000|ECONN.*|ENOENT|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH)$/

/** pg gives these no code. */
const MAY_COME_WORDS = /^(Connection terminated|timeout e)/

/** What is needed to name the database to the person at the terminal. */
type Place = Pick<Config, 'databaseUrl' | 'dataDir'>

/** Brings the database to where this program can serve, once it is there: it is waited for, for 30 s. */
export async function prepareDatabase(address: Address, place: Place, starting: Starting) {
  const { db } = connect(address, () => {}, 1)
  await arrival(db, place, starting)
  await db.destroy()
  const keepsSessions = hasSessions(address).catch(error => {
    throw startFailure(error, place)
  })
  if (!(await waiting(keepsSessions, () => `${nameOf(place)} does not answer.`, starting))) {
    throw new OperatorError(
      `${nameOf(place)} cannot be used: a connection pooler lends its sessions for a transaction at a time, and Chatire needs one for each connection. Set pool_mode=session for this database in PgBouncer, or give the address of PostgreSQL itself.`,
    )
  }
  await waiting(migrate(address, starting.say), () => 'Still preparing the database', starting).catch(error => {
    throw startFailure(error, place)
  })
}

/** What to throw for an error of a start's statement: an OperatorError, unless it is the statement that is wrong. */
export function startFailure(error: unknown, place: Place): unknown {
  const refused = error instanceof pg.DatabaseError ? !/^(2[^58]|42(?!501))/.test(error.code ?? '') : mayCome(error)
  return refused ? unusable(error, place) : error
}

async function arrival(db: Db, place: Place, { say, signal }: Starting) {
  const deadline = Date.now() + ARRIVAL
  for (let said = ''; ; ) {
    try {
      return await waiting(probe(db), () => `${nameOf(place)} does not answer.`, { say, signal })
    } catch (error) {
      signal.throwIfAborted()
      const failure = unusable(error, place)
      if (!mayCome(error) || Date.now() > deadline) throw failure
      if (said !== failure.message) say(`${failure.message} Waiting for it, ${ARRIVAL / 1000} s at most`)
      said = failure.message
    }
    await pause(PAUSE, signal)
  }
}

function unusable(error: unknown, place: Place): OperatorError {
  return new OperatorError(`${nameOf(place)} cannot be reached or used: ${reason(error)}.`)
}

/** By the variable and not its value, which has a password in it. */
function nameOf({ databaseUrl, dataDir }: Place): string {
  return databaseUrl ? 'The database that DATABASE_URL names' : `The database in ${dataDir}`
}

function mayCome(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(mayCome)
  const { code, message } = error as { code?: unknown; message: string }
  return typeof code === 'string' ? MAY_COME.test(code) : MAY_COME_WORDS.test(message)
}

/** An AggregateError, one for each address that was tried, has no message of its own. */
function reason(error: unknown): string {
  const { errors, message } = error as AggregateError
  return message || (errors ?? []).map(reason).join(', ')
}
