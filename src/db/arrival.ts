import pg from 'pg'
import type { Config } from '../config.js'
import { OperatorError } from '../operator-error.js'
import { pause, type Starting, waiting } from '../waiting.js'
import { type Address, connect, hasSessions, probe } from './connection.js'
import { keepEpoch, readsIdentity } from './epoch.js'
import { migrate } from './migrate.js'
import type { Db } from './schema.js'

/** How long this waits for a database that is not there yet, and how long between two tries, in milliseconds. */
const ARRIVAL = 30_000
const PAUSE = 500

/**
 * The codes of a database that may come up by itself. SQLSTATE: 08 connection, 53 no resources, 57P01 to 57P03 shutting down or starting,
 * 3D000 not created yet. The others: the network, a host name or a socket that is not there.
 */
const MAY_COME =
  /^(08...|53...|57P0[123]|3D000|ECONN.*|ENOENT|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH)$/

/** The same for errors to which pg gives no code. */
const MAY_COME_WORDS = /^(Connection terminated|timeout e)/

/** The settings by which messages name the database. */
type Source = Pick<Config, 'databaseUrl' | 'dataDir'>

/** Waits for the database, at most `patience` milliseconds, and migrates it. Throws an OperatorError if this program cannot work with it. */
export async function prepareDatabase(address: Address, source: Source, starting: Starting, patience = ARRIVAL) {
  const { db } = connect(address, () => {}, 1)
  await arrival(db, source, starting, patience)
  await db.destroy()
  const keepsSessions = hasSessions(address).catch(error => {
    throw startFailure(error, source)
  })
  if (!(await waiting(keepsSessions, () => `${nameOf(source)} does not answer.`, starting))) {
    throw new OperatorError(
      `${nameOf(source)} cannot be used: a connection pooler lends its sessions for a transaction at a time, and Chatire needs one for each connection. Set pool_mode=session for this database in PgBouncer, or give the address of PostgreSQL itself.`,
    )
  }
  const prepared = migrate(address, starting.say).then(() => checkEpoch(address, starting.say))
  await waiting(prepared, () => 'Still preparing the database', starting).catch(error => {
    throw startFailure(error, source)
  })
}

async function checkEpoch(address: Address, say: (sentence: string) => void) {
  const { db } = connect(address, () => {}, 1)
  try {
    if (!(await readsIdentity(db))) {
      say(
        'The role may not read what tells this server from others (pg_control_system). After a restore to another server run npm run doctor -- new-epoch',
      )
    }
    await keepEpoch(db, address, say)
  } finally {
    await db.destroy()
  }
}

/** The error to throw when a statement of the start failed: an OperatorError, unless the statement itself is wrong. */
export function startFailure(error: unknown, source: Source): unknown {
  const refused = error instanceof pg.DatabaseError ? !/^(2[^58]|42(?!501))/.test(error.code ?? '') : mayCome(error)
  return refused ? unusable(error, source) : error
}

async function arrival(db: Db, source: Source, { say, signal }: Starting, patience: number) {
  const deadline = Date.now() + patience
  for (let said = ''; ; ) {
    try {
      return await waiting(probe(db), () => `${nameOf(source)} does not answer.`, { say, signal })
    } catch (error) {
      signal.throwIfAborted()
      const failure = unusable(error, source)
      if (!mayCome(error) || Date.now() > deadline) throw failure
      if (said !== failure.message) say(`${failure.message} Waiting for it, ${patience / 1000} s at most`)
      said = failure.message
    }
    await pause(PAUSE, signal)
  }
}

function unusable(error: unknown, source: Source): OperatorError {
  return new OperatorError(`${nameOf(source)} cannot be reached or used: ${reason(error)}.`)
}

/** Not by the value of DATABASE_URL, which can contain a password. */
function nameOf({ databaseUrl, dataDir }: Source): string {
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
