import type pg from 'pg'
import { readConfig } from '../../src/config.js'
import { type Address, connect } from '../../src/db/connection.js'
import type { Db } from '../../src/db/schema.js'
import { type Assets, loadAssets } from '../../src/http/assets.js'
import { loadViews, type Views } from '../../src/http/views.js'
import type { Live } from '../../src/live/live.js'
import { listen } from '../../src/process/listener.js'
import { openLog } from '../../src/process/log.js'
import { openParts } from '../../src/process/parts.js'
import { createDatabase, dropDatabase } from './databases.js'

export interface Site {
  /** Without a slash at the end. */
  url: string
  /** That of the tutorial's clients, `ws://…` without a slash at the end, where TUTORIAL_PORT is set. */
  tutorial: string
  /** Whether people come by https. */
  secure: boolean
  /** Connections like the site's own, but they wait for a lock as long as a test needs to set up a race. */
  db: Db
  pool: pg.Pool
  address: Address & { database: string }
  live: Live
  /** The lines of the log, each a JSON text. */
  log: string[]
  /** Stops as the program does after a signal: streams get `restart`, requests in flight finish. */
  stop(): Promise<void>
  /** Stops at once, and drops the database unless it is another site's. */
  close(): Promise<void>
}

let files: { assets: Assets; views: Views } | undefined

/**
 * The whole program except its process, on a port of its own, with a database of its own or another site's. Rate limits are off
 * unless `env` turns them on. `silence`: see src/process/listener.ts; `frameRefresh`: see src/http/views.ts.
 */
export async function openSite(
  env: Record<string, string> = {},
  beside?: Pick<Site, 'address'>,
  { silence, frameRefresh }: { silence?: number; frameRefresh?: number } = {},
): Promise<Site> {
  const address = beside?.address ?? (await createDatabase())
  const log: string[] = []
  files ??= { assets: await loadAssets(), views: loadViews() }
  const config = readConfig({ LIMITS: 'off', ...env })
  const parts = await openParts(config, openLog('trace', { write: line => log.push(line) }), address, {
    ...files,
    ...(frameRefresh === undefined ? {} : { views: loadViews(frameRefresh) }),
  })
  const listener = await listen(parts, { host: '127.0.0.1', port: 0 }, silence)
  const { db, pool } = connect(address, () => {})
  Object.assign(pool.options, { lock_timeout: 0, idle_in_transaction_session_timeout: 0 })
  let open = true
  const end = async () => {
    if (open) {
      open = false
      await parts.close()
    }
  }
  return {
    url: `http://127.0.0.1:${listener.port}`,
    tutorial: `ws://127.0.0.1:${listener.tutorialPort}`,
    secure: config.secure,
    db,
    pool,
    address,
    live: parts.live,
    log,
    async stop() {
      await listener.close()
      await end()
    },
    async close() {
      const closed = listener.close()
      listener.cut()
      await closed
      await end()
      await pool.end()
      if (!beside) {
        await dropDatabase(address.database)
      }
    },
  }
}
