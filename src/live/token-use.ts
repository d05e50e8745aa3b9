import type { Db } from '../db/schema.js'
import { touchTokens } from '../db/tokens.js'
import { within } from '../deadline.js'

/** Between two writes to the database, in milliseconds: a token that was used in the last 10 minutes does not give way to a new one. */
const EVERY = 5 * 60_000

/** How long one write may take, in milliseconds. */
const WITHIN = 5_000

/** Writes down that the tokens of open streams are in use, as a program that only follows sends nothing for weeks. */
export class TokenUse {
  private readonly timer: NodeJS.Timeout
  private readonly db: Db
  private readonly streaming: () => Iterable<number>
  private readonly onFailure: (error: unknown) => void

  /** `streaming` returns the ids of the tokens by which streams are open. */
  constructor(db: Db, streaming: () => Iterable<number>, onFailure: (error: unknown) => void) {
    this.db = db
    this.streaming = streaming
    this.onFailure = onFailure
    this.timer = setInterval(() => void this.write(), EVERY)
  }

  async write() {
    const ids = [...new Set(this.streaming())]
    if (ids.length > 0) {
      await within(WITHIN, touchTokens(this.db, ids)).catch(this.onFailure)
    }
  }

  /** Writes a last time. */
  async close() {
    clearInterval(this.timer)
    await this.write()
  }
}
