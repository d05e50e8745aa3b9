import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { createApp } from '../../src/app.js'
import { type Assets, loadAssets } from '../../src/assets.js'
import { turnTaker } from '../../src/buckets.js'
import { LIMITS, readConfig } from '../../src/config.js'
import type { Parts } from '../../src/context.js'
import { type Address, connect } from '../../src/db/connection.js'
import { identities } from '../../src/db/identities.js'
import { postQueue } from '../../src/db/post-queue.js'
import type { Db } from '../../src/db/schema.js'
import { secret } from '../../src/db/secrets.js'
import { openLog } from '../../src/log.js'
import { loadViews, type Views } from '../../src/views.js'
import { createDatabase, dropDatabase } from './databases.js'

export interface Site {
  /** Without a slash at its end. */
  url: string
  db: Db
  /** The site's own connections: what goes through here is what the program asks. */
  pool: pg.Pool
  address: Address & { database: string }
  /** What was logged, a JSON text a line. */
  log: string[]
  /** Makes the next request ask the database who it is from, as one does that comes after a second. */
  forget(): void
  close(): Promise<void>
}

let assets: Assets | undefined
let views: Views | undefined

/** The whole program but its process, on a database and a port of its own. Rate limits are off unless `env` turns them on. */
export async function openSite(env: Record<string, string> = {}): Promise<Site> {
  const address = await createDatabase()
  const log: string[] = []
  const { db, pool } = connect(address, error => log.push(JSON.stringify({ broken: error.message })))
  assets ??= await loadAssets()
  views ??= loadViews()
  const config = readConfig({ LIMITS: 'off', ...env })
  const parts: Parts = {
    config,
    log: openLog('trace', { write: line => log.push(line) }),
    db,
    identities: identities(db),
    posts: postQueue(db, { waiting: LIMITS.waitingPosts, perCall: LIMITS.postsPerCall }),
    takeTurn: turnTaker(config.limited),
    secret: await secret(db, 'seal'),
    assets,
    views,
  }
  const server = createServer(createApp(parts).callback())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    db,
    pool,
    address,
    log,
    forget: parts.identities.forget,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await db.destroy()
      await dropDatabase(address.database)
    },
  }
}
