// npm run bench -- buses [seconds]: what carries hints between processes. Texts a second by the number of those who listen, posts a second with
// several processes, and how late a message comes to the readers of another process.
import type { ChildProcess } from 'node:child_process'
import { accessSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Carrier, Hearer } from '../src/live/bus.js'
import { PostgresCarrier } from '../src/live/postgres-carrier.js'
import { RabbitMqCarrier } from '../src/live/rabbitmq-carrier.js'
import { type Broker, openBroker } from '../test/support/broker.js'
import { call, signUp, startChats } from './accounts.js'
import { load, postRequest } from './load.js'
import { start, stop } from './programs.js'
import { MARK, openReaders, type Readers } from './readers.js'

const seconds = Number(process.argv[2] ?? 10)
const LISTENERS = [2, 4, 16, 64]
const PROCESSES = [1, 2, 4]
const SENDERS = 16
const CHATS = 16
/** Texts that are sent before all listeners must have had them: fewer than the queue of a process holds. */
const BATCH = 100
/** About ten hints, as a busy process sends them. */
const TEXT = Array.from({ length: 10 }, (_, n) => `c${1000 + n}:${n}`).join(' ')
const JSON_BODY = { 'Content-Type': 'application/json' }

const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const children: ChildProcess[] = []
const broker = await findBroker()
try {
  const database = await run(['dist/bench/database.js', folder])
  console.log(
    `\n${cpus().length} cores for all, load average before ${loadavg()[0]?.toFixed(1)}; ${seconds} s for each number\n`,
  )
  const carriers: [string, (hearer: Hearer) => Carrier][] = [
    ['NOTIFY', hearer => new PostgresCarrier({ connectionString: database.url }, hearer, fail)],
  ]
  const buses: [string, string][] = [
    ['off', 'off'],
    ['NOTIFY', 'postgres'],
  ]
  if (broker) {
    carriers.push(['RabbitMQ', hearer => new RabbitMqCarrier(new URL(broker.url), 'chatire-bench', hearer, fail)])
    buses.push(['RabbitMQ', broker.url])
  }
  await texts(carriers)
  await posts(buses, database.url)
  await delays(buses, database.url)
} finally {
  // The database, which was started first, is stopped last.
  for (const child of children.reverse()) {
    await stop(child)
  }
  await broker?.close()
  await rm(folder, { recursive: true, force: true })
}

async function findBroker(): Promise<Broker | undefined> {
  try {
    accessSync('/usr/lib/rabbitmq/bin/rabbitmq-server')
  } catch {
    console.log('Without RabbitMQ, which is not installed.')
    return undefined
  }
  return openBroker()
}

async function run(args: string[], env?: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const started = await start(args, env, true)
  children.push(started.child)
  return started
}

function fail(error: Error) {
  console.error(error.message)
}

/** One sends, and all listen, in this process: their work is part of the number. */
async function texts(carriers: [string, (hearer: Hearer) => Carrier][]) {
  const table: Record<string, Record<string, number>> = {}
  for (const count of LISTENERS) {
    const row: Record<string, number> = {}
    for (const [name, open] of carriers) {
      let heard = 0
      const hearers = Array.from({ length: count }, () =>
        open({
          hear() {
            heard++
          },
          missed() {},
        }),
      )
      const sender = open({ hear() {}, missed() {} })
      const all = [...hearers, sender]
      while (!all.every(({ isUp }) => isUp)) {
        await wait(20)
      }
      const begun = performance.now()
      let sent = 0
      while (performance.now() - begun < 1000 * seconds) {
        for (let n = 0; n < BATCH; n++) {
          await sender.send(TEXT)
        }
        sent += BATCH
        while (heard < sent * count) {
          await new Promise(setImmediate)
        }
      }
      row[name] = Math.round((1000 * sent) / (performance.now() - begun))
      await Promise.all(all.map(carrier => carrier.close()))
    }
    table[`${count} listeners`] = row
  }
  console.log('Texts a second that all listeners have had')
  console.table(table)
}

interface Site {
  ports: number[]
  tokens: string[]
  uris: string[]
  close(): Promise<void>
}

/** So many programs on one database, as on several machines. */
async function openSites(bus: string, count: number, database: string): Promise<Site> {
  const env = { DATABASE_URL: database, BUS: bus, LIMITS: 'off', LOG_LEVEL: 'warn', HOST: '127.0.0.1', PORT: '0' }
  const programs: Awaited<ReturnType<typeof run>>[] = []
  for (let n = 0; n < count; n++) {
    programs.push(await run(['bin/start.js'], { ...env, LOG_LEVEL: 'info' }))
  }
  const [first = ''] = programs.map(({ url }) => url)
  const name = `u${Date.now().toString(36)}`
  const tokens = await Promise.all(Array.from({ length: SENDERS }, (_, n) => signUp(first, `${name}x${n}`)))
  const uris = await startChats(first, tokens, CHATS)
  return {
    ports: programs.map(({ url }) => Number(new URL(url).port)),
    tokens,
    uris,
    async close() {
      await Promise.all(programs.map(({ child }) => stop(child)))
    },
  }
}

/** Everybody posts to all processes, and each process has a reader of each chat. */
async function posts(buses: [string, string][], database: string) {
  const table: Record<string, Record<string, number>> = {}
  for (const count of PROCESSES) {
    const row: Record<string, number> = {}
    for (const [name, bus] of buses) {
      const { ports, tokens, uris, close } = await openSites(bus, count, database)
      const readers: Readers[] = []
      for (const port of ports) {
        for (const uri of uris) {
          readers.push(await openReaders(port, 1, `/api/chats/${uri}/live/`, { Authorization: `Token ${tokens[0]}` }))
        }
      }
      const measure = (time: number) =>
        Promise.all(
          ports.map((port, n) =>
            load(port, SENDERS / ports.length, time, sender =>
              postRequest(
                `/api/chats/${uris[(sender + n) % CHATS]}/messages/`,
                { ...JSON_BODY, Authorization: `Token ${tokens[sender]}` },
                JSON.stringify({
                  message: `a message of about eighty bytes, as people write them in a chat ${MARK} ${Math.random()}`,
                }),
              ),
            ),
          ),
        )
      // Programs are slower until they are compiled.
      await measure(2)
      const loads = await measure(seconds)
      if (loads.some(({ refused }) => refused > 0)) {
        throw new Error('Posts were refused')
      }
      row[name] = Math.round(sum(loads.flatMap(({ perSecond }) => perSecond)) / seconds)
      for (const reader of readers) {
        reader.close()
      }
      await close()
    }
    table[`${count} ${count === 1 ? 'process' : 'processes'}`] = row
  }
  console.log(`Posts a second, ${SENDERS} senders, ${CHATS} chats, a reader of each chat at each process`)
  console.table(table)
}

/** From sending a post at one process to its arrival at a reader of another, while little else is done. */
async function delays(buses: [string, string][], database: string) {
  const table: Record<string, Record<string, string>> = {}
  for (const [name, bus] of buses) {
    const { ports, tokens, uris, close } = await openSites(bus, 2, database)
    const [near = 0, far = 0] = ports
    const [uri = ''] = uris
    const token = tokens[0] ?? ''
    const reader = await openReaders(far, 1, `/api/chats/${uri}/live/`, { Authorization: `Token ${token}` })
    const taken: number[] = []
    const posts = Math.max(100, 10 * seconds)
    for (let n = 1; n <= posts; n++) {
      // At no time that has to do with what sweeps.
      await wait(Math.random() * 100)
      const sentAt = performance.now()
      await call(`http://127.0.0.1:${near}`, 'POST', `/api/chats/${uri}/messages/`, token, { message: `${n} ${MARK}` })
      // A message has the mark in its text, and in the HTML of it.
      await reader.received(2 * n)
      taken.push(performance.now() - sentAt)
    }
    taken.sort((a, b) => a - b)
    const at = (part: number) =>
      `${(taken[Math.min(taken.length - 1, Math.floor(part * taken.length))] ?? 0).toFixed(1)} ms`
    table[name] = { p50: at(0.5), p99: at(0.99), most: at(1) }
    reader.close()
    await close()
  }
  console.log('From a post at one process to a reader at another')
  console.table(table)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
