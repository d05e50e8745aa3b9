import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import { findChat } from '../../src/db/chats.js'
import { postMessages } from '../../src/db/messages.js'
import type { Answer } from './exchange.js'
import { PATIENCE } from './patience.js'
import type { Site } from './site.js'
import { Program, type Visitor } from './visitor.js'

type At = Pick<Site, 'url'>

/** The sender: a visitor with cookies, a program with a token, or undefined for neither. */
export type Reader = Visitor | Program | undefined

/** One event of a stream, or one sign of life (a comment) between two. */
export interface Sent {
  id?: string
  event?: string
  data?: string
  retry?: number
  comment?: string
}

/** `cut`: the connection was reset. A connection that the server closed looks like the end of an answer without a length. */
type Ending = 'end' | 'cut'

/** What tests have opened, with the function that cuts it. */
const open = new Map<object, () => void>()

/** For the end of each test: cuts all streams that it opened, because a server waits for open ones before it stops. */
export function cutStreams() {
  for (const cut of open.values()) {
    cut()
  }
  open.clear()
}

/** Lets tests wait for what a stream brings. */
class Waiting {
  private readonly waiting = new Set<() => void>()

  /** Waits until `look` finds something. After a while it rejects, with what came instead. */
  async until<T>(look: () => T | undefined | false, tell: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look()
        if (found !== undefined && found !== false) {
          finish()
          resolve(found)
        }
      }
      const timer = setTimeout(() => {
        finish()
        reject(new Error(`Still not so after ${PATIENCE} ms. What came: ${tell()}`))
      }, PATIENCE)
      const finish = () => {
        clearTimeout(timer)
        this.waiting.delete(check)
      }
      this.waiting.add(check)
      check()
    })
  }

  look() {
    for (const check of [...this.waiting]) {
      check()
    }
  }
}

/** An answer that may never end, read as it comes. */
export class OpenAnswer {
  readonly status: number
  readonly headers: Headers
  /** Everything so far. */
  text = ''
  ending: Ending | undefined
  protected readonly waiting = new Waiting()
  private readonly response: IncomingMessage

  constructor(response: IncomingMessage) {
    this.response = response
    this.status = response.statusCode ?? 0
    this.headers = toHeaders(response)
    open.set(this, () => this.cut())
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      this.text += chunk
      this.take(chunk)
      this.waiting.look()
    })
    // Each answer has a connection of its own: one that ended with an error was cut.
    response.on('error', () => {
      this.ending ??= 'cut'
    })
    response.on('close', () => {
      this.ending ??= response.complete ? 'end' : 'cut'
      this.waiting.look()
    })
  }

  /** Waits until the text matches, or has the string in it. */
  async shows(expected: string | RegExp): Promise<void> {
    await this.waiting.until(
      () => (typeof expected === 'string' ? this.text.includes(expected) : expected.test(this.text)),
      () => this.told,
    )
  }

  /** Waits for its end, and says how it ended. */
  async over(): Promise<Ending> {
    return this.waiting.until(
      () => this.ending,
      () => `no end. ${this.told}`,
    )
  }

  /** Reads nothing from now on. */
  pause() {
    this.response.pause()
  }

  resume() {
    this.response.resume()
  }

  /** Cuts the connection without closing it properly. */
  cut() {
    this.response.socket.resetAndDestroy()
  }

  /** Closes, as a program does that ends. */
  close() {
    this.response.destroy()
  }

  protected take(_chunk: string) {}

  protected get told() {
    return `${this.status} ${this.text.slice(-2000)}`
  }
}

/** Server-sent events, as the HTML standard (section 9.2.6) reads them. */
export class Events extends OpenAnswer {
  /** Every block so far, comments and the opening `retry` too. */
  readonly sent: Sent[] = []
  private rest = ''
  private seen = 0

  /** The versions of the chat's events. */
  get versions(): number[] {
    return this.sent.filter(isOfChat).map(({ id }) => Number(id))
  }

  /** The version that the stream begins after, as its first block says. */
  async begins(): Promise<number> {
    const { id } = await this.first(({ id, retry }) => id !== undefined && retry !== undefined)
    return Number(id)
  }

  /** The next event of the chat that was not returned before. */
  async next(): Promise<Sent> {
    return this.first(isOfChat)
  }

  /** The next block for which this is true; earlier ones are skipped. */
  async first(holds: (sent: Sent) => boolean): Promise<Sent> {
    return this.waiting.until(
      () => {
        const place = this.sent.findIndex((sent, n) => n >= this.seen && holds(sent))
        if (place < 0) {
          return undefined
        }
        this.seen = place + 1
        return this.sent[place]
      },
      () => this.told,
    )
  }

  /** Waits for that version. */
  async reaches(version: number): Promise<void> {
    await this.waiting.until(
      () => (this.versions.at(-1) ?? 0) >= version,
      () => this.told,
    )
  }

  protected override take(chunk: string) {
    const blocks = (this.rest + chunk).split(/(?:\r\n|\r|\n){2}/)
    this.rest = blocks.pop() ?? ''
    for (const block of blocks) {
      this.sent.push(parse(block))
    }
  }
}

/** The block that opens a stream has an id too. */
export function isOfChat({ id, retry }: Sent): boolean {
  return id !== undefined && retry === undefined
}

function parse(block: string): Sent {
  const sent: Sent = {}
  for (const line of block.split(/\r\n|\r|\n/)) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
    if (name === '') {
      sent.comment = value
    } else if (name === 'data') {
      sent.data = sent.data === undefined ? value : `${sent.data}\n${value}`
    } else if (name === 'retry') {
      sent.retry = Number(value)
    } else if (name === 'id' || name === 'event') {
      sent[name] = value
    } else {
      throw new Error(`No field of an event: ${line}`)
    }
  }
  return sent
}

/** The headers that say who the reader is. */
export function credentials(reader: Reader): Record<string, string> {
  if (reader instanceof Program) {
    return reader.token ? { authorization: `Token ${reader.token}` } : {}
  }
  const cookie = [...(reader?.cookies ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  return cookie ? { cookie } : {}
}

/** Server-sent events of JSON, for programs: `path` begins with /api. */
export async function openEvents(
  at: At,
  path: string,
  reader: Reader,
  headers: Record<string, string> = {},
): Promise<Events> {
  return new Events(await ask(at, path, reader, { accept: 'text/event-stream', ...headers }))
}

/** Server-sent events of HTML, as htmx asks for them. */
export async function openPageEvents(
  at: At,
  path: string,
  reader: Reader,
  headers: Record<string, string> = {},
): Promise<Events> {
  return openEvents(at, path, reader, {
    accept: 'text/html, text/event-stream',
    'hx-request': 'true',
    'sec-fetch-site': 'same-origin',
    ...headers,
  })
}

/** The page that grows, as a browser without JavaScript asks for it in the frame within the frame of the chat's page. */
export async function openFrame(
  at: At,
  path: string,
  reader: Reader,
  headers: Record<string, string> = {},
): Promise<OpenAnswer> {
  return new OpenAnswer(
    await ask(at, `${path}${path.includes('?') ? '&' : '?'}inside`, reader, { ...FRAMED, ...headers }),
  )
}

/** The headers of browsers for a page in a frame. */
export const FRAMED = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }

/** Each stream has a connection of its own, as those of browsers and programs have. */
function ask(at: At, path: string, reader: Reader, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = { ...credentials(reader), ...headers }
    const asked = request(at.url + path, { agent: false, headers: sent }, resolve)
    // After the answer has begun, it emits 'error' itself.
    asked.on('error', reject)
    asked.end()
  })
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
type Json = any

/** A WebSocket, and what it received. */
export class ChatSocket {
  readonly wire: WebSocket
  /** The first message: it says which version the events come after. */
  ready: Json
  /** The events of the chat. */
  readonly events: Json[] = []
  /** The answers to what the test sent. */
  readonly answers: Json[] = []
  pings = 0
  private goodbye: { code: number; reason: string } | undefined
  private readonly waiting = new Waiting()
  private given = 0

  constructor(wire: WebSocket) {
    this.wire = wire
    open.set(this, () => this.cut())
    wire.on('message', (data, isBinary) => {
      if (isBinary) {
        throw new Error('The chat speaks text')
      }
      const json = JSON.parse(String(data))
      if (this.ready === undefined) {
        this.ready = json
      } else {
        const known = json.event === undefined ? this.answers : this.events
        known.push(json)
      }
      this.waiting.look()
    })
    wire.on('ping', () => {
      this.pings++
      this.waiting.look()
    })
    wire.on('close', (code, reason) => {
      this.goodbye = { code, reason: String(reason) }
      this.waiting.look()
    })
    wire.on('error', () => {})
  }

  get versions(): number[] {
    return this.events.map(event => event.version)
  }

  /** The next event that was not returned before. */
  async next(): Promise<Json> {
    const event = await this.waiting.until(
      () => this.events[this.given],
      () => this.told,
    )
    this.given++
    return event
  }

  async reaches(version: number): Promise<void> {
    await this.waiting.until(
      () => (this.versions.at(-1) ?? 0) >= version,
      () => this.told,
    )
  }

  /** Sends something and returns the next answer. Text and bytes are sent unchanged, other values as JSON. */
  async ask(message: unknown): Promise<Json> {
    const before = this.answers.length
    this.send(message)
    return (await this.answered(before + 1)).at(-1)
  }

  /** Waits for that many answers, and returns them. */
  async answered(count: number): Promise<Json[]> {
    return this.waiting.until(
      () => this.answers.length >= count && this.answers,
      () => this.told,
    )
  }

  async pinged(): Promise<void> {
    await this.waiting.until(
      () => this.pings > 0,
      () => this.told,
    )
  }

  send(message: unknown) {
    this.wire.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  }

  /** Waits until it is closed, and returns the code: 1006 if it was not closed properly. */
  async closed(): Promise<{ code: number; reason: string }> {
    return this.waiting.until(
      () => this.goodbye,
      () => `no end. ${this.told}`,
    )
  }

  /** Reads nothing from now on. */
  pause() {
    this.wire.pause()
  }

  resume() {
    this.wire.resume()
  }

  /** Cuts the connection without closing it properly. */
  cut() {
    this.wire.terminate()
  }

  private get told() {
    return JSON.stringify([...this.events.slice(-5), ...this.answers.slice(-5), this.goodbye])
  }
}

/** Opens a WebSocket that the site accepts. */
export async function openSocket(
  at: At,
  path: string,
  reader: Reader,
  headers: Record<string, string> = {},
): Promise<ChatSocket> {
  const outcome = await shakeHands(at, path, reader, headers)
  if (outcome instanceof ChatSocket) {
    return outcome
  }
  throw new Error(`The WebSocket was refused: ${outcome.status} ${outcome.text}`)
}

/** The answer to a WebSocket that the site refuses. */
export async function refusedSocket(
  at: At,
  path: string,
  reader: Reader,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const outcome = await shakeHands(at, path, reader, headers)
  if (outcome instanceof ChatSocket) {
    outcome.cut()
    throw new Error('The WebSocket was let in')
  }
  return outcome
}

function shakeHands(at: At, path: string, reader: Reader, headers: Record<string, string>) {
  return new Promise<ChatSocket | Answer>((resolve, reject) => {
    const wire = new WebSocket(at.url.replace(/^http/, 'ws') + path, {
      headers: { ...credentials(reader), ...headers },
      perMessageDeflate: false,
    })
    // Before it opens: the first message may come in the same chunk as the answer to the handshake.
    const socket = new ChatSocket(wire)
    wire.on('open', () => resolve(socket))
    wire.on('error', reject)
    wire.on('unexpected-response', (_request, response) => {
      readAll(response).then(resolve, reject)
    })
  })
}

/** Sends a request as it is written, and returns all bytes until the server closes the connection. */
export async function askRaw(at: At, sent: string): Promise<string> {
  const wire = connect({ port: Number(new URL(at.url).port), host: '127.0.0.1', allowHalfOpen: true })
  let answer = ''
  wire.setEncoding('utf8').on('data', chunk => {
    answer += chunk
  })
  wire.write(sent)
  await once(wire, 'end')
  wire.on('error', () => {})
  wire.resetAndDestroy()
  return answer
}

/** What comes over a connection that goes on. */
export function openRaw(at: At, sent: string) {
  const wire = connect(Number(new URL(at.url).port), '127.0.0.1')
  const raw = { text: '', cut: () => wire.resetAndDestroy() }
  open.set(raw, raw.cut)
  wire.setEncoding('utf8').on('data', chunk => {
    raw.text += chunk
  })
  wire.on('error', () => {})
  wire.write(sent)
  return raw
}

async function readAll(response: IncomingMessage): Promise<Answer> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
  }
  const headers = toHeaders(response)
  const isJson = text !== '' && /json/.test(headers.get('content-type') ?? '')
  return { status: response.statusCode ?? 0, headers, text, json: isJson ? JSON.parse(text) : undefined }
}

function toHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let n = 0; n < rawHeaders.length; n += 2) {
    headers.append(rawHeaders[n] ?? '', rawHeaders[n + 1] ?? '')
  }
  return headers
}

/** Stores that many messages of the chat's owner. No process is told of them. */
export async function fillChat({ db }: Pick<Site, 'db'>, uri: string, count: number, text = 'message') {
  const chat = await findChat(db, uri, undefined)
  if (!chat) {
    throw new Error('There is no such chat to fill')
  }
  const post = (n: number) => ({
    uri,
    author_id: chat.owner_id,
    text: `${n} ${text}`,
    key: null,
    reply_to: null,
    names: [],
  })
  await postMessages(
    db,
    Array.from({ length: count }, (_, n) => post(n)),
    { wait: true },
  )
}
