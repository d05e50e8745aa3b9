import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { Broken, begin, isUnavailable } from './exchange.js'
import type { Findings } from './findings.js'
import type { Sight } from './sight.js'

/** How long a reader who was cut off or refused waits, in milliseconds. */
const PAUSE = 200

/** Whom a reader asks, and as whom. */
export interface Place {
  url: string
  findings: Findings
  headers: Record<string, string>
}

/** Something that a reader got and must not get. */
export class Wrong extends Error {}

/** Reads until it is stopped, and comes back each time that it was cut off. */
export abstract class Reader {
  readonly name: string
  protected readonly place: Place
  protected stopped = false
  private leaving: (() => void) | undefined
  private running: Promise<void> | undefined

  constructor(name: string, place: Place) {
    this.name = name
    this.place = place
  }

  /** What it has got, by chat. */
  abstract get sights(): readonly Sight[]

  start() {
    this.running = this.run()
  }

  async stop() {
    this.stopped = true
    this.leaving?.()
    await this.running
  }

  /** Asks once, or follows one stream to its end. Throws Broken where that broke off, and Wrong for what is wrong with it. */
  protected abstract read(): Promise<void>

  private async run() {
    while (!this.stopped) {
      try {
        await this.read()
      } catch (error) {
        if (error instanceof Broken) {
          if (!this.stopped && !error.wasIdle) {
            this.place.findings.failed(`${this.name} ${error.message}`)
          }
        } else if (error instanceof Wrong) {
          this.place.findings.note('wrong', `${this.name} ${error.message}`)
        } else {
          throw error
        }
        await wait(PAUSE)
      }
    }
  }

  /** How to break off what is being read when the reader is stopped. */
  protected whenStopped(leave: () => void) {
    this.leaving = leave
    if (this.stopped) {
      leave()
    }
  }

  /** Opens an answer that does not end, of that type, and gives each piece of it to `take`. Resolves when it has ended. */
  protected async follow(
    path: string,
    headers: Record<string, string>,
    type: string,
    take: (text: string) => void,
  ): Promise<void> {
    const { url } = this.place
    const response = await begin(url, false, { method: 'GET', path, headers: { ...this.place.headers, ...headers } })
    this.whenStopped(() => response.destroy())
    this.requireStream(response, type)
    response.setEncoding('utf8')
    try {
      for await (const text of response) {
        take(text)
      }
    } catch (error) {
      if (error instanceof Wrong) {
        throw error
      }
      throw new Broken(`was cut off (${(error as Error).message})`)
    }
  }

  private requireStream(response: IncomingMessage, type: string) {
    const { statusCode: status = 0, headers } = response
    if (isUnavailable({ status, headers })) {
      response.destroy()
      throw new Broken('was refused with 503')
    }
    if (status !== 200 || headers['content-type'] !== type) {
      response.destroy()
      throw new Wrong(`was answered with ${status} and ${headers['content-type']}`)
    }
  }
}
