import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Address, KEPT_ALIVE, statementsToSet } from '../db/connection.js'
import { within } from '../deadline.js'
import type { Carrier, Hearer } from './bus.js'
import { keepConnected } from './keep-connected.js'

/** Between two probes of the connection, and how long the answer to a probe may take, in milliseconds. */
const PROBE_EVERY = 5_000
const PROBE_WITHIN = 3_000

const CHANNEL = 'chatire'

/**
 * Carries hints by PostgreSQL's LISTEN and NOTIFY, on a connection of their own. They are not sent in the transaction that they tell of: a
 * commit with NOTIFY takes a lock on the whole database. A connection that breaks, or does not answer any more, is replaced.
 */
export class PostgresCarrier implements Carrier {
  readonly name = 'postgres'
  private readonly address: Address
  private readonly hearer: Hearer
  private client: pg.Client | undefined
  private readonly closing = new AbortController()
  private readonly running: Promise<void>

  constructor(address: Address, hearer: Hearer, onError: (error: Error) => void) {
    this.address = address
    this.hearer = hearer
    this.running = keepConnected(opened => this.listen(opened), onError, this.closing.signal)
  }

  get isUp() {
    return this.client !== undefined
  }

  get isFree() {
    return this.isUp
  }

  async send(text: string) {
    await this.client?.query('select pg_notify($1, $2)', [CHANNEL, text])
  }

  async close() {
    this.closing.abort()
    await this.client?.end().catch(() => {})
    await this.running
  }

  /** Listens until the connection breaks, and throws then. */
  private async listen(opened: () => void) {
    const { signal } = this.closing
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
        this.hearer.hear(payload ?? '')
      }
    })
    try {
      await client.connect()
      // A hint may be lost in a crash, so its commit need not wait for the disk.
      await client.query(
        `set synchronous_commit = off; set idle_session_timeout = 0; ${statementsToSet(KEPT_ALIVE)}; listen ${CHANNEL}`,
      )
      this.client = client
      opened()
      this.hearer.missed()
      while (!signal.aborted) {
        await Promise.race([broken, wait(PROBE_EVERY, undefined, { signal }).catch(() => {})])
        await Promise.race([broken, signal.aborted ? undefined : within(PROBE_WITHIN, client.query('select 1'))])
      }
    } finally {
      this.client = undefined
      // Not end(), which waits for the server to close: a connection that is silent would never be closed.
      ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    }
  }
}
