import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { condition } from '../db/condition.js'
import { type Address, connect } from '../db/connection.js'

/** The database connections of all processes of a machine together. */
const CONNECTIONS = 16

/** How many connections the pool of each process opens at most. */
export const poolSize = (workers: number) => Math.max(4, Math.ceil(CONNECTIONS / workers))

/**
 * How many a program with these settings may open: each process has a pool, and one for the hints that PostgreSQL carries; two more check for a
 * pooler or upgrade, and two are for the commands of operators.
 */
export function connectionsNeeded({ workers, bus }: Pick<Config, 'workers' | 'bus'>): number {
  return workers * (poolSize(workers) + (bus === 'postgres' ? 1 : 0)) + 4
}

/** Says in the log if the database takes fewer connections than this program may open. It starts all the same: most are opened only when needed. */
export async function lookAtConnections(config: Config, log: Logger, address: Address): Promise<void> {
  const { db } = connect(address, () => {}, 1)
  try {
    const { most, others } = await condition(db)
    const needed = connectionsNeeded(config)
    if (needed + others > most) {
      log.warn(
        `WEB_CONCURRENCY=${config.workers} may need ${needed} database connections. PostgreSQL takes ${most}, of which other programs have ${others}: when they run out, requests are answered with 503. Raise max_connections, or lower WEB_CONCURRENCY.`,
      )
    }
  } catch (error) {
    log.warn({ err: error }, 'How many connections the database takes is not known')
  } finally {
    await db.destroy()
  }
}
