import type { Logger } from 'pino'
import { type Config, LIMITS } from '../config.js'
import { startFailure } from '../db/arrival.js'
import { type Address, connect } from '../db/connection.js'
import { postQueue } from '../db/post-queue.js'
import { readiness } from '../db/readiness.js'
import { secret } from '../db/secrets.js'
import { within } from '../deadline.js'
import { type Assets, loadAssets } from '../http/assets.js'
import type { Parts } from '../http/context.js'
import { eventJson } from '../http/json.js'
import { databaseOutage, watchDescriptors } from '../http/outages.js'
import { rateLimiter } from '../http/rate-limits.js'
import { logFailure } from '../http/request-log.js'
import { loadViews, type Views } from '../http/views.js'
import { Live } from '../live/live.js'
import type { StreamLimits } from '../live/streams.js'
import { Tally } from '../tally.js'
import { carriers } from './carriers.js'
import { poolSize } from './connections.js'
import type { Meters } from './meters.js'

/** How long posts whose senders have hung up may take at the end, in milliseconds. What is left then fails as in an outage. */
const POSTS_WITHIN = 1_500

/** Makes the parts of one process. The database must have been migrated. `close` ends what they keep open. */
export async function openParts(
  config: Config,
  log: Logger,
  address: Address,
  files?: { assets: Assets; views: Views },
): Promise<Parts & { meters: Meters | undefined; close(): Promise<void> }> {
  let opened: Live | undefined
  const broke = (error: Error) => {
    opened?.disconnected()
    failed('A database connection broke', error)
  }
  const { db, pool } = connect(address, broke, poolSize(config.workers))
  const ready = readiness(db)
  const outage = databaseOutage(log, ready)
  const descriptors = watchDescriptors(log)
  const failed = (sentence: string, error: unknown) => logFailure({ log, outage }, error, sentence)
  // Loaded only where somebody measures.
  const meters = config.metrics && new (await import('./meters.js')).Meters()
  const close = async () => {
    meters?.close()
    descriptors.close()
    outage.close()
    await db.destroy()
  }
  try {
    const { assets, views } = files ?? { assets: await loadAssets(), views: loadViews() }
    const seal = await secret(db, 'seal')
    const { open, close: closeCarrier } = await carriers(config, address, seal, log, failed)
    const live = new Live({
      db,
      address,
      openCarrier: open,
      rendererFor: uri => ({
        json: event => JSON.stringify(eventJson(event)),
        html: (event, mine) => views.fragment('messages/_event.njk', { event, mine, uri }),
      }),
      limits: streamLimits(config),
      log: failed,
      say: sentence => log.info(`Database: ${sentence}`),
      delivered: seconds => meters?.delivered(seconds),
    })
    opened = live
    const posts = postQueue(db, { waiting: LIMITS.waitingPosts, perCall: LIMITS.postsPerCall })
    const refusals: Parts['refusals'] = new Tally()
    meters?.watch({ live, posts, refusals, pool })
    return {
      config,
      log,
      db,
      live,
      ready,
      stopping: false,
      outage,
      posts,
      ...rateLimiter(config.limited, config.workers),
      refusals,
      secret: seal,
      meters,
      assets,
      views,
      async close() {
        await within(POSTS_WITHIN, posts.finish()).catch(() => {})
        await live.close()
        closeCarrier()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw startFailure(error, config)
  }
}

function streamLimits({ limited, workers }: Config): StreamLimits {
  const { perSession, perUser, perAddress, inAll } = LIMITS.streams
  const part = (limit: number) => (limited ? Math.ceil(limit / workers) : Number.POSITIVE_INFINITY)
  return { perSession: part(perSession), perUser: part(perUser), perAddress: part(perAddress), inAll: part(inAll) }
}
