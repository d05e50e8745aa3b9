import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { until } from './server.js'
import type { Program } from './visitor.js'

/** How long a reader who was cut off or refused waits before the next try, in milliseconds. */
const PAUSE = 100

/** An event of a chat, as a reader got it or as the database has it. */
export interface Seen {
  version: number
  event: string
  author: number
  message: string | null
}

/** A response that does not end, read as it comes. */
interface OpenStream {
  status: number
  headers: IncomingMessage['headers']
  /** What has come so far. */
  readonly text: string
  readonly ended: boolean
  /** Resolves when it is over, whichever side ended it. */
  over: Promise<unknown>
  cut(): void
}

/** On a connection of its own. Rejects where there is no answer. */
export async function openStream(
  url: string,
  headers: Record<string, string>,
  onText: (text: string) => void = () => {},
): Promise<OpenStream> {
  const asked = request(url, { agent: false, headers })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const chunks: string[] = []
  let ended = false
  const over = new Promise<void>(resolve => {
    response.once('close', () => {
      ended = true
      resolve()
    })
  })
  // A connection that is cut emits this, and then 'close'.
  response.on('error', () => {})
  asked.on('error', () => {})
  response.setEncoding('utf8').on('data', (text: string) => {
    chunks.push(text)
    onText(text)
  })
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    get text() {
      return chunks.join('')
    },
    get ended() {
      return ended
    },
    over,
    cut: () => response.destroy(),
  }
}

/** Reads a chat from a cursor on until it is stopped. It comes back each time it was cut off. */
abstract class Reader {
  readonly seen: Seen[] = []
  /** The status that told it not to come back. */
  refused: number | undefined
  protected readonly url: string
  protected readonly path: string
  protected readonly headers: Record<string, string>
  protected readonly start: number
  protected stopped = false
  private running: Promise<void> | undefined

  constructor({ url }: { url: string }, uri: string, { token }: Program, start: number) {
    this.url = url
    this.path = `/api/chats/${uri}`
    this.headers = { authorization: `Token ${token}` }
    this.start = start
  }

  get cursor() {
    return this.seen.at(-1)?.version ?? this.start
  }

  follow(): this {
    this.running = this.run()
    return this
  }

  /** Waits until it has read that far. */
  async reached(version: number) {
    await until(() => this.cursor >= version || this.refused !== undefined)
  }

  async stop() {
    this.stopped = true
    this.leave()
    await this.running
  }

  private async run() {
    while (!this.stopped && this.refused === undefined) {
      try {
        const status = await this.read()
        if (status !== 200 && status !== 503) {
          this.refused = status
        }
      } catch {
        // It was cut off, and comes back.
      }
      await wait(PAUSE)
    }
  }

  /** Reads once; resolves to the status. Rejects if the connection broke. */
  protected abstract read(): Promise<number>
  protected abstract leave(): void

  protected take(event: { version: number; event: string; user: { id: number }; message: string | null }) {
    this.seen.push({ version: event.version, event: event.event, author: event.user.id, message: event.message })
  }
}

/** Reads server-sent events. It comes back with the id of the last one. */
export class StreamReader extends Reader {
  /** How often it got a stream. */
  streams = 0
  /** When each event came, in `performance.now()`'s time. */
  readonly times: number[] = []
  /** The `restart` and `gone` events of the streams that ended. */
  readonly farewells: { event: string; retry: number }[] = []
  private stream: OpenStream | undefined

  protected override async read() {
    let rest = ''
    const from: Record<string, string> = this.seen.length > 0 ? { 'last-event-id': String(this.cursor) } : {}
    const headers = { ...this.headers, accept: 'text/event-stream', ...from }
    const stream = await openStream(`${this.url}${this.path}/live/?after=${this.start}`, headers, text => {
      const frames = (rest + text).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        this.hear(frame)
      }
    })
    this.stream = stream
    if (stream.status === 200) {
      this.streams++
      if (this.stopped) {
        stream.cut()
      }
    }
    await stream.over
    return stream.status
  }

  protected override leave() {
    this.stream?.cut()
  }

  private hear(frame: string) {
    const fields = new Map(
      frame.split('\n').map(line => {
        const [name = '', value = ''] = line.split(/: ?(.*)/s)
        return [name, value]
      }),
    )
    const event = fields.get('event')
    if (event === 'restart' || event === 'gone') {
      this.farewells.push({ event, retry: Number(fields.get('retry')) })
    } else if (event !== undefined && event !== 'ready') {
      this.times.push(performance.now())
      this.take({ ...JSON.parse(fields.get('data') ?? ''), event })
    }
  }
}

/** Reads by polling the list. */
export class PollReader extends Reader {
  protected override async read() {
    const answer = await fetch(`${this.url}${this.path}/messages/?after=${this.cursor}`, { headers: this.headers })
    const body = await answer.json()
    if (answer.status === 200) {
      for (const event of (body as { messages: Parameters<Reader['take']>[0][] }).messages) {
        this.take(event)
      }
    }
    return answer.status
  }

  protected override leave() {}
}

/** The events that a reader who had seen everything up to `after` must have got, in this order. */
export async function eventsIn(db: pg.Pool | pg.Client, uri: string, after: number): Promise<Seen[]> {
  const { rows } = await db.query(
    `select e.version::int, e.kind as event, e.author_id::int as author, e.text as message
     from events e join links l on l.chat_id = e.chat_id where l.uri = $1 and e.version > $2 order by e.version`,
    [uri, after],
  )
  return rows
}

/** The chat's version, as the site answers it. */
export async function versionOf(db: pg.Pool | pg.Client, uri: string): Promise<number> {
  const { rows } = await db.query(
    'select c.version::int from chats c join links l on l.chat_id = c.id where l.uri = $1',
    [uri],
  )
  return rows[0].version
}

/**
 * Posts with a key. As long as the outcome is unknown it posts again with the same key, each time to the next site. Resolves to the
 * message's version and the number of tries.
 */
export async function postSurely(
  sites: readonly { url: string }[],
  uri: string,
  { token }: Program,
  message: string,
): Promise<{ version: number; tries: number }> {
  for (let tries = 1; ; tries++) {
    const { url } = sites[(tries - 1) % sites.length] as { url: string }
    try {
      const answer = await fetch(`${url}/api/chats/${uri}/messages/`, {
        method: 'POST',
        headers: { authorization: `Token ${token}`, 'idempotency-key': message },
        body: new URLSearchParams({ message }),
      })
      const text = await answer.text()
      if (answer.status === 200 || answer.status === 201) {
        return { version: JSON.parse(text).version, tries }
      }
      if (answer.status !== 503) {
        throw new RangeError(`A post was answered with ${answer.status}: ${text}`)
      }
    } catch (error) {
      if (error instanceof RangeError) {
        throw error
      }
    }
    await wait(PAUSE / 2)
  }
}
