import { promises as fs } from 'node:fs'
import { devNull } from 'node:os'
import type { Logger } from 'pino'
import { Refusal, whyNotNow } from '../errors.js'

/**
 * In milliseconds. `look`: between two checks whether an outage is over. `quiet`: how long nothing may have failed when it is over.
 * `remind`: between two lines in the log while it lasts.
 */
const PACE = { look: 1_000, quiet: 5_000, remind: 60_000 }

interface Setting {
  log: Logger
  /** The line for the log: what fails, and why. */
  begins(error: unknown): string
  /** Rejects as long as the outage lasts. */
  works(): Promise<unknown>
  /** What the lines behind the first one begin with. */
  name?: string
  pace?: typeof PACE
}

/**
 * Logs many failures with one cause in a few lines: one at the first failure, one a minute, and one when everything works again.
 * Failures that are far apart are logged one by one.
 */
export class Outage {
  private readonly setting: Required<Setting>
  private current: { begunAt: number; failedAt: number; toldAt: number; refused: number } | undefined
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(setting: Setting) {
    this.setting = { name: 'The outage', pace: PACE, ...setting }
  }

  get lasts(): boolean {
    return this.current !== undefined
  }

  /** Notes that something failed because of it. */
  failed(error: unknown) {
    const now = performance.now()
    if (this.current) {
      this.current.failedAt = now
    } else if (!this.closed) {
      const { log, begins, pace } = this.setting
      this.current = { begunAt: now, failedAt: now, toldAt: now, refused: 0 }
      this.timer = setInterval(() => void this.look(), pace.look)
      log.error(begins(error))
    }
  }

  /** Counts a request that was refused, if the outage lasts. */
  refused() {
    if (this.current) {
      this.current.refused++
    }
  }

  close() {
    this.closed = true
    this.end()
  }

  private end() {
    clearInterval(this.timer)
    this.current = undefined
  }

  private async look() {
    const { log, works, name, pace } = this.setting
    await works().catch(error => this.failed(error))
    const now = performance.now()
    if (!this.current) {
      return
    }
    const { begunAt, failedAt, toldAt, refused } = this.current
    const requests = `${refused} ${refused === 1 ? 'request was' : 'requests were'} refused`
    if (now - failedAt >= pace.quiet) {
      this.end()
      log.warn({ refused }, `${name} is over after ${lasting(failedAt - begunAt)}: ${requests}`)
    } else if (now - toldAt >= pace.remind) {
      this.current.toldAt = now
      log.error({ refused }, `${name} goes on since ${lasting(now - begunAt)}: ${requests} so far`)
    }
  }
}

function lasting(milliseconds: number): string {
  const seconds = Math.max(1, Math.round(milliseconds / 1000))
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}

/** Outages of the database. `works` rejects as long as it cannot be read and written. */
export function databaseOutage(log: Logger, works: () => Promise<unknown>): Outage {
  return new Outage({
    log,
    works,
    begins: error =>
      `The database fails requests. ${
        error instanceof Refusal
          ? error.message
          : `${whyNotNow(error) ?? 'It answers with an error.'} It says: ${wordsOf(error)}`
      }`,
  })
}

/** Outages of the broker that carries the hints of BUS=amqp://…. `works` rejects as long as it carries none. */
export function brokerOutage(log: Logger, works: () => Promise<unknown>): Outage {
  return new Outage({
    log,
    works,
    name: 'The outage of RabbitMQ',
    begins: error =>
      `RabbitMQ brings no hints from process to process: what others post comes up to a second later. It says: ${wordsOf(error)}`,
  })
}

/** At the limit of open files Node refuses connections without an error. This checks once a second whether one more file can be opened. */
export function watchDescriptors(log: Logger): { close(): void } {
  const works = async () => (await fs.open(devNull)).close()
  const outage = new Outage({
    log,
    works,
    begins: error =>
      `No more connections are taken: this process has as many files and connections open as it may. Raise its limit (ulimit -n, LimitNOFILE). The system says: ${wordsOf(error)}`,
  })
  const timer = setInterval(() => void works().catch(error => outage.failed(error)), PACE.look)
  return {
    close() {
      clearInterval(timer)
      outage.close()
    },
  }
}

/** An AggregateError has one error for each address that was tried, and no message of its own. */
function wordsOf(error: unknown): string {
  const { errors, message } = error as AggregateError
  return message || (errors ?? []).map(wordsOf).join(', ')
}
