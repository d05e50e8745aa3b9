import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Address } from '../db/connection.js'
import { within } from '../deadline.js'
import { Tally } from '../tally.js'
import type { Typist } from './typing.js'

/** How long hints are gathered before they are sent together, in milliseconds. */
const GATHER = 10

/** Between two probes of the connection, and how long the answer to a probe may take, in milliseconds. */
const PROBE_EVERY = 5_000
const PROBE_WITHIN = 3_000

/** The most that is put into one notification. PostgreSQL's limit is less than 8,000 bytes. */
const PAYLOAD = 7_000

const CHANNEL = 'chatire'

/** What a process does with the hints of the others. A hint can be lost, repeated or late: the sweep finds the same without it. */
interface Listener {
  /** The chat is at that version. */
  chat(id: number, version: number): void
  /** A session or token of the user may have ended. */
  user(id: number): void
  /** A member is typing. A hint of this kind that is lost stays lost. */
  typing(chat_id: number, typist: Typist): void
  /** The bus listens from now on. Hints from before may have been missed. */
  missed(): void
}

export interface Bus {
  readonly name: 'postgres' | 'off'
  /** Whether hints go out and come in. One that is off has none to lose. */
  readonly isUp: boolean
  readonly hints: Tally<'sent' | 'received' | 'lost'>
  tellChat(id: number, version: number): void
  tellUser(id: number): void
  tellTyping(chat_id: number, typist: Typist): void
  close(): Promise<void>
}

/** BUS=off: no hints. What other processes post is found by the sweep alone. */
export const noBus: Bus = {
  name: 'off',
  isUp: true,
  hints: new Tally(),
  tellChat() {},
  tellUser() {},
  tellTyping() {},
  async close() {},
}

/**
 * Hints by PostgreSQL's LISTEN and NOTIFY, on a connection of their own. They are not sent in the transaction that they tell of: a
 * commit with NOTIFY takes a lock on the whole database. A connection that breaks, or does not answer any more, is replaced.
 */
export class PostgresBus implements Bus {
  readonly name = 'postgres'
  readonly hints: Bus['hints'] = new Tally()
  private readonly address: Address
  private readonly listener: Listener
  private readonly onError: (error: Error) => void
  private client: pg.Client | undefined
  private readonly chats = new Map<number, number>()
  private readonly users = new Set<number>()
  private readonly typing = new Map<string, string>()
  private sending = false
  private closed = false
  private readonly closing = new AbortController()
  private readonly running: Promise<void>

  constructor(address: Address, listener: Listener, onError: (error: Error) => void) {
    this.address = address
    this.listener = listener
    this.onError = onError
    this.running = this.run()
  }

  get isUp() {
    return this.client !== undefined
  }

  tellChat(id: number, version: number) {
    this.chats.set(id, Math.max(version, this.chats.get(id) ?? 0))
    void this.send()
  }

  tellUser(id: number) {
    this.users.add(id)
    void this.send()
  }

  tellTyping(chat_id: number, { user_id, after, name }: Typist) {
    const key = `t${chat_id}:${user_id}`
    this.typing.set(key, `${key}:${after}:${encodeURIComponent(name)}`)
    void this.send()
  }

  async close() {
    this.closed = true
    this.closing.abort()
    await this.client?.end().catch(() => {})
    await this.running
  }

  /** Opens one connection after another until the bus is closed. */
  private async run() {
    for (let failures = 0; !this.closed; failures++) {
      try {
        await this.listen(() => {
          failures = 0
        })
      } catch (error) {
        if (!this.closed) {
          this.onError(error as Error)
        }
      }
      // After a restart of the database its clients should not all connect at the same moment.
      const pause = Math.min(2000, 50 * 2 ** failures) * (0.5 + Math.random())
      await wait(pause, undefined, { signal: this.closing.signal }).catch(() => {})
    }
  }

  /** Listens until the connection breaks, and throws then. */
  private async listen(onConnected: () => void) {
    const client = new pg.Client({
      ...this.address,
      application_name: 'chatire bus',
      connectionTimeoutMillis: PROBE_WITHIN,
    })
    const broken = new Promise<never>((_, reject) => {
      client.on('error', reject)
      client.on('end', () => reject(new Error('Connection terminated: that of the bus')))
    })
    broken.catch(() => {})
    client.on('notification', ({ payload, processId }) => {
      // PostgreSQL brings a process its own hints too.
      if (processId !== (client as unknown as { processID: number }).processID) {
        this.receive(payload ?? '')
      }
    })
    try {
      await client.connect()
      // A hint may be lost in a crash, so its commit need not wait for the disk.
      await client.query(`set synchronous_commit = off; set idle_session_timeout = 0; listen ${CHANNEL}`)
      this.client = client
      onConnected()
      this.listener.missed()
      while (!this.closed) {
        await Promise.race([broken, wait(PROBE_EVERY, undefined, { signal: this.closing.signal }).catch(() => {})])
        await Promise.race([broken, this.closed ? undefined : within(PROBE_WITHIN, client.query('select 1'))])
      }
    } finally {
      this.client = undefined
      // Not end(), which waits for the server to close: a connection that is silent would never be closed.
      ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    }
  }

  private receive(payload: string) {
    for (const hint of payload.split(' ')) {
      this.hints.note('received')
      const [, chat, version, user, typing_in, user_id, after, name] =
        /^(?:c(\d+):(\d+)|u(\d+)|t(\d+):(\d+):(\d+):(\S+))$/.exec(hint) ?? []
      if (chat) {
        this.listener.chat(Number(chat), Number(version))
      } else if (user) {
        this.listener.user(Number(user))
      } else if (typing_in) {
        const shown = readName(name ?? '')
        if (shown !== undefined) {
          this.listener.typing(Number(typing_in), { user_id: Number(user_id), after: Number(after), name: shown })
        }
      }
    }
  }

  /** Sends one notification after another; each takes all hints that were gathered meanwhile. */
  private async send() {
    if (this.sending || this.closed) {
      return
    }
    this.sending = true
    while (this.chats.size + this.users.size + this.typing.size > 0) {
      await wait(GATHER)
      const hints = [
        ...[...this.chats].map(([id, version]) => `c${id}:${version}`),
        ...[...this.users].map(id => `u${id}`),
        ...this.typing.values(),
      ]
      this.chats.clear()
      this.users.clear()
      this.typing.clear()
      let end: 'sent' | 'lost' = this.client ? 'sent' : 'lost'
      try {
        for (const payload of payloads(hints)) {
          await this.client?.query('select pg_notify($1, $2)', [CHANNEL, payload])
        }
      } catch {
        // The hints are lost. `run` reports the error and replaces the connection.
        end = 'lost'
      }
      for (const _ of hints) {
        this.hints.note(end)
      }
    }
    this.sending = false
  }
}

/** Undefined for what Chatire would not send: everybody with access to the database can send on the channel. */
function readName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

function payloads(hints: readonly string[]): string[] {
  const payloads: string[] = []
  let payload = ''
  for (const hint of hints) {
    if (payload.length + hint.length >= PAYLOAD) {
      payloads.push(payload)
      payload = ''
    }
    payload += payload ? ` ${hint}` : hint
  }
  return [...payloads, payload]
}
