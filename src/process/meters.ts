import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type pg from 'pg'
import { AggregatorRegistry, Counter, Gauge, Histogram } from 'prom-client'
import type { Parts } from '../http/context.js'

/** What is measured. */
interface Measured extends Pick<Parts, 'live' | 'posts' | 'refusals'> {
  pool: Pick<pg.Pool, 'waitingCount'>
}

/** In seconds. What is new comes within milliseconds, and without hints within a second or two. */
const DELIVERY = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]

/**
 * The metrics of one process. The program counts in plain numbers, which are read when somebody asks for the metrics. A label is one of a few
 * words of ours, and never what came from outside.
 */
export class Meters {
  /** Of this kind because in a worker it answers to the main process, which asks all of them. */
  readonly registry = new AggregatorRegistry()
  private readonly registers = [this.registry]
  private readonly delivery = new Histogram({
    name: 'chatire_delivery_seconds',
    help: 'From the moment a message was posted until it was written to the streams that follow its chat.',
    buckets: DELIVERY,
    registers: this.registers,
  })
  private readonly delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 })

  constructor() {
    this.delay.enable()
    AggregatorRegistry.setRegistries(this.registry)
  }

  delivered(seconds: number) {
    this.delivery.observe(seconds)
  }

  /** The metrics are those of these parts from now on. */
  watch({ live, posts, refusals, pool }: Measured) {
    const { streams, feeds, sweep, bus } = live.measured()
    this.count('posts_total', 'Messages that were sent, by what became of them.', 'outcome', () => posts.outcomes)
    this.count('replays_total', 'Streams that began with events their readers had missed.', undefined, () => [
      ['', live.measured().replays],
    ])
    this.count('refusals_total', 'Requests that were refused, by the code of the problem.', 'code', () => refusals)
    this.gauge('streams', 'Open streams.', 'kind', 'sum', () => {
      const kinds = new Map<string, number>(KINDS.map(kind => [kind, 0]))
      for (const { kind } of streams) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
      return kinds
    })
    this.count('stream_ends_total', 'Streams that are over, by why.', 'reason', () => streams.endings)
    this.gauge('sweep_age_seconds', 'Since the database was last asked what is new.', undefined, 'max', () => [
      ['', sweep.age],
    ])
    this.gauge('bus_up', 'Whether hints go out and come in: 1, else 0.', 'bus', 'min', () => [
      [bus.name, bus.isUp ? 1 : 0],
    ])
    this.count('bus_hints_total', 'Hints between processes.', 'way', () => bus.hints)
    this.gauge('pool_waiting', 'Statements that wait for a database connection.', undefined, 'sum', () => [
      ['', pool.waitingCount],
    ])
    this.gauge(
      'event_loop_delay_seconds',
      'How late timers were since the last time this was read.',
      'quantile',
      'max',
      () => {
        const { delay } = this
        const seconds = [0.5, 0.99, 1].map(part => [String(part), delay.percentile(100 * part) / 1e9] as const)
        delay.reset()
        return seconds
      },
    )
    this.gauge('feed_bytes', 'About how much memory the chats take that are read here.', undefined, 'sum', () => [
      ['', feeds.bytes],
    ])
    this.gauge('piece_bytes', 'How much of feed_bytes their pages take.', undefined, 'sum', () => [
      ['', feeds.pieceBytes],
    ])
  }

  close() {
    this.delay.disable()
  }

  private count(name: string, help: string, label: string | undefined, read: () => Values) {
    new Counter({
      ...this.named(name, help, label),
      aggregator: 'sum',
      collect() {
        this.reset()
        for (const [value, count] of read()) {
          this.inc(label ? { [label]: value } : {}, count)
        }
      },
    })
  }

  private gauge(
    name: string,
    help: string,
    label: string | undefined,
    aggregator: 'sum' | 'max' | 'min',
    read: () => Values,
  ) {
    new Gauge({
      ...this.named(name, help, label),
      aggregator,
      collect() {
        for (const [value, number] of read()) {
          this.set(label ? { [label]: value } : {}, number)
        }
      },
    })
  }

  private named(name: string, help: string, label: string | undefined) {
    return { name: `chatire_${name}`, help, labelNames: label ? [label] : [], registers: this.registers }
  }
}

/** Each number with the value of its label. */
type Values = Iterable<readonly [string | number, number]>

const KINDS = ['page', 'list', 'frame', 'events', 'socket', 'wait']
