import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Address } from '../db/connection.js'
import { within } from '../deadline.js'

/** How long hints are gathered before they go out together, in milliseconds. */
const GATHER = 10

/** Between two probes of the connection, and how long the answer to one may take, in milliseconds. */
const PROBE_EVERY = 5_000
const PROBE_WITHIN = 3_000

/** What one notification holds at most; PostgreSQL takes less than 8,000 bytes. */
const PAYLOAD = 7_000

const CHANNEL = 'chatire'

/** What processes tell each other. Each hint can be lost, repeated or late: the sweep finds out anyway. */
export interface Hearer {
  /** The chat is at that version. */
  chat(id: number, version: number): void
  /** Some session or token of the user may have ended. */
  user(id: number): void
  /** Somebody is typing. Nobody asks after one that is lost. */
  typing(chat_id: number, typist: Typist): void
  /** Hints may have been missed: it was not, or not always, listening until now. */
  missed(): void
}

/** Somebody who is typing in a chat. */
export interface Typist {
  user_id: number
  /** As the chat shows them. */
  name: string
  /** How much of the chat they had before them: whoever has posted since has typed that. */
  after: number
}

export interface Bus {
  tellChat(id: number, version: number): void
  tellUser(id: number): void
  tellTyping(chat_id: number, typist: Typist): void
  close(): Promise<void>
}

/** BUS=off: nobody is told, and the sweep alone finds what is new. */
export const silence: Bus = { tellChat() {}, tellUser() {}, tellTyping() {}, async close() {} }

/**
 * Hints by PostgreSQL's LISTEN and NOTIFY, on a connection of their own. Never in the transaction that they tell of: a commit
 * with NOTIFY takes a lock on the whole database. A connection that breaks, or falls silent without breaking, is replaced.
 */
export class PostgresBus implements Bus {
  private readonly address: Address
  private readonly hearer: Hearer
  private readonly onError: (error: Error) => void
  private client: pg.Client | undefined
  private readonly chats = new Map<number, number>()
  private readonly users = new Set<number>()
  private readonly typing = new Map<string, string>()
  private telling = false
  private closed = false
  private readonly closing = new AbortController()
  private readonly running: Promise<void>

  constructor(address: Address, hearer: Hearer, onError: (error: Error) => void) {
    this.address = address
    this.hearer = hearer
    this.onError = onError
    this.running = this.run()
  }

  tellChat(id: number, version: number) {
    this.chats.set(id, Math.max(version, this.chats.get(id) ?? 0))
    void this.tell()
  }

  tellUser(id: number) {
    this.users.add(id)
    void this.tell()
  }

  tellTyping(chat_id: number, { user_id, after, name }: Typist) {
    const who = `t${chat_id}:${user_id}`
    this.typing.set(who, `${who}:${after}:${encodeURIComponent(name)}`)
    void this.tell()
  }

  async close() {
    this.closed = true
    this.closing.abort()
    await this.client?.end().catch(() => {})
    await this.running
  }

  /** One connection after another, for as long as the bus is open. */
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
      // A database that is starting again is not hurried by all its clients at once.
      const pause = Math.min(2000, 50 * 2 ** failures) * (0.5 + Math.random())
      await wait(pause, undefined, { signal: this.closing.signal }).catch(() => {})
    }
  }

  /** Listens until the connection breaks; throws then. */
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
      // Not what it said itself.
      if (processId !== (client as unknown as { processID: number }).processID) {
        this.hear(payload ?? '')
      }
    })
    try {
      await client.connect()
      // A hint that is lost in a crash is no loss, and no reason to wait for the disk.
      await client.query(`set synchronous_commit = off; set idle_session_timeout = 0; listen ${CHANNEL}`)
      this.client = client
      onConnected()
      this.hearer.missed()
      while (!this.closed) {
        await Promise.race([broken, wait(PROBE_EVERY, undefined, { signal: this.closing.signal }).catch(() => {})])
        await Promise.race([broken, this.closed ? undefined : within(PROBE_WITHIN, client.query('select 1'))])
      }
    } finally {
      this.client = undefined
      // Not end(), which says goodbye and waits: a connection that fell silent never answers.
      ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    }
  }

  private hear(payload: string) {
    for (const hint of payload.split(' ')) {
      const [, chat, version, user, place, user_id, after, name] =
        /^(?:c(\d+):(\d+)|u(\d+)|t(\d+):(\d+):(\d+):(\S+))$/.exec(hint) ?? []
      if (chat) {
        this.hearer.chat(Number(chat), Number(version))
      } else if (user) {
        this.hearer.user(Number(user))
      } else if (place) {
        const shown = readName(name ?? '')
        if (shown !== undefined) {
          this.hearer.typing(Number(place), { user_id: Number(user_id), after: Number(after), name: shown })
        }
      }
    }
  }

  /** One notification at a time, with all that came up meanwhile. */
  private async tell() {
    if (this.telling || this.closed) {
      return
    }
    this.telling = true
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
      try {
        for (const payload of payloads(hints)) {
          await this.client?.query('select pg_notify($1, $2)', [CHANNEL, payload])
        }
      } catch {
        // The hints are lost, as hints may be; whoever replaces the connection has said why.
      }
    }
    this.telling = false
  }
}

/** Undefined for what no process of ours has said: whoever can reach the database can speak on the bus. */
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
