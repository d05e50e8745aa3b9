import type { Db } from '../db/schema.js'
import { touchTokens } from '../db/tokens.js'
import { within } from '../deadline.js'
import type { Streams } from './streams.js'

/** Between two writes to the database, in milliseconds: a token that was used in the last 10 minutes does not give way to a new one. */
const EVERY = 5 * 60_000

/** How long one write may take, in milliseconds. */
const WITHIN = 5_000

/** Writes down that the tokens of open streams are in use, as a program that only follows sends nothing for weeks. */
export class TokenUse {
  private readonly timer: NodeJS.Timeout
  private readonly db: Db
  private readonly streams: Streams
  private readonly log: (sentence: string, error: unknown) => void

  constructor(db: Db, streams: Streams, log: (sentence: string, error: unknown) => void) {
    this.db = db
    this.streams = streams
    this.log = log
    this.timer = setInterval(() => void this.write(), EVERY)
  }

  async write() {
    const ids = [...new Set(this.streams.tokens())]
    if (ids.length > 0) {
      await within(WITHIN, touchTokens(this.db, ids)).catch(error =>
        this.log('Noting which tokens are in use failed', error),
      )
    }
  }

  /** Writes a last time. */
  async close() {
    clearInterval(this.timer)
    await this.write()
  }
}
