import { once } from 'node:events'
import { isIP } from 'node:net'
import { type Channel, Connection } from 'rabbitmq-client'
import { within } from '../deadline.js'
import { randomKey } from '../keys.js'
import type { Carrier, Hearer } from './bus.js'
import { keepConnected } from './keep-connected.js'
import { greetedByBroker } from './rabbitmq-greeting.js'

/** How long connecting and opening a channel, sending and a clean end may take, in milliseconds. */
const CONNECTS_WITHIN = 3_000
const SENDS_WITHIN = 2_000
const ENDS_WITHIN = 1_000

/** In seconds: a broker that has been silent for twice as long is given up. */
const HEARTBEAT = 4

/**
 * Of each process, gone with its connection. What it does not take in within 2 s, a sweep has found; and a broker's memory is not for those
 * who do not read.
 */
const QUEUE = {
  queue: '',
  exclusive: true,
  autoDelete: true,
  arguments: { 'x-message-ttl': 2_000, 'x-max-length': 1_000 },
}

/**
 * Carries hints by RabbitMQ: each process sends to a fan-out exchange, and has a queue there. It hears and sends on two connections, as a
 * broker that is short of memory or disk stops reading from those that send. Nothing is confirmed: a hint can be lost.
 */
export class RabbitMqCarrier implements Carrier {
  readonly name = 'rabbitmq'
  private readonly url: URL
  private readonly exchange: string
  private readonly hearer: Hearer
  private readonly onError: (error: Error) => void
  /** Marks what this process sends, as the exchange brings it that too. */
  private readonly sender = randomKey(12)
  /** Of the connection that sends, while the broker takes texts. */
  private channel: Channel | undefined
  private hears = false
  private blocked = false
  private underWay: Promise<void> | undefined
  private readonly closing = new AbortController()
  private readonly closed = once(this.closing.signal, 'abort').then(() => undefined)
  private readonly running: Promise<unknown>

  /** `onError` is told of each try to connect that failed, of each connection that broke, and of a broker that is full. */
  constructor(url: URL, exchange: string, hearer: Hearer, onError: (error: Error) => void) {
    this.url = url
    this.exchange = exchange
    this.hearer = hearer
    this.onError = onError
    const { signal } = this.closing
    this.running = Promise.all([
      keepConnected(opened => this.hear(opened), onError, signal),
      keepConnected(opened => this.offer(opened), onError, signal),
    ])
  }

  get isUp() {
    return this.hears && this.channel !== undefined && !this.blocked
  }

  /** The library would keep texts back for as long as the broker takes none, and send all of them then, out of date. */
  get isFree() {
    return this.channel !== undefined && !this.blocked && !this.underWay
  }

  async send(text: string) {
    if (!this.channel) {
      throw new Error('The connection to the broker is gone')
    }
    const underWay = this.channel.basicPublish({ exchange: this.exchange, appId: this.sender }, text).finally(() => {
      this.underWay = undefined
    })
    this.underWay = underWay
    await within(SENDS_WITHIN, underWay)
  }

  async close() {
    this.closing.abort()
    await this.running
  }

  /** Has a queue, and takes in what comes, until the connection breaks. */
  private async hear(opened: () => void) {
    try {
      await this.withChannel('hears', async channel => {
        const { queue } = await channel.queueDeclare(QUEUE)
        await channel.queueBind({ queue, exchange: this.exchange })
        await channel.basicConsume({ queue, noAck: true }, ({ appId, body }) => {
          if (appId !== this.sender && typeof body === 'string' && body !== '') {
            this.hearer.hear(body)
          }
        })
        this.hears = true
        opened()
        this.hearer.missed()
      })
    } finally {
      this.hears = false
    }
  }

  /** Has a channel to send on, until the connection breaks. */
  private async offer(opened: () => void) {
    try {
      await this.withChannel('sends', async (channel, connection) => {
        connection.on('connection.blocked', reason => {
          this.blocked = true
          this.onError(new Error(`The broker takes no messages: ${reason}`))
        })
        connection.on('connection.unblocked', () => {
          this.blocked = false
        })
        // A text that is refused closes the channel. Without this that would be seen, again and again, only when somebody posts.
        await channel.basicPublish({ exchange: this.exchange }, '')
        await channel.exchangeDeclare({ exchange: this.exchange, passive: true })
        this.channel = channel
        opened()
      })
    } finally {
      this.channel = undefined
      this.blocked = false
    }
  }

  /**
   * Connects, declares the exchange, and lets `use` set up the channel. Resolves after a clean end once the carrier is closed, and rejects
   * when the connection or the channel breaks. The library would connect again by itself, but not say why it cannot.
   */
  private async withChannel(role: string, use: (channel: Channel, connection: Connection) => Promise<void>) {
    const options = optionsOf(this.url, role)
    await greetedByBroker(options, CONNECTS_WITHIN)
    const connection = new Connection(options)
    const broken = new Promise<never>((_, reject) => {
      connection.on('error', reject)
    })
    broken.catch(() => {})
    const { closed } = this
    try {
      const channel = await Promise.race([broken, connection.acquire(), closed])
      if (!channel) {
        return
      }
      const over = new Promise<never>((_, reject) => {
        // Its reason comes in an event of the connection at the same moment.
        channel.on('close', () => setImmediate(reject, new Error('The broker has closed the channel')))
        channel.on('basic.cancel', (_, error) => reject(error))
      })
      over.catch(() => {})
      const set = (async () => {
        await channel.exchangeDeclare({ exchange: this.exchange, type: 'fanout', durable: false, autoDelete: true })
        await use(channel, connection)
      })()
      await Promise.race([broken, over, closed, set])
      await Promise.race([broken, over, closed])
      await within(
        ENDS_WITHIN,
        channel.close().then(() => connection.close()),
      ).catch(() => {})
    } finally {
      connection.unsafeDestroy()
    }
  }
}

function optionsOf({ protocol, hostname, port, username, password, pathname }: URL, role: string) {
  const tls = protocol === 'amqps:'
  // That of an IPv6 address is in brackets.
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    hostname: host,
    port: port || (tls ? 5671 : 5672),
    username: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
    tls: tls && (isIP(host) ? true : { servername: host }),
    connectionName: `chatire ${role}`,
    connectionTimeout: CONNECTS_WITHIN,
    acquireTimeout: CONNECTS_WITHIN,
    heartbeat: HEARTBEAT,
    noDelay: true,
  }
}
