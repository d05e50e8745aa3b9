// npm run bench -- simulation [seconds]: measures in processor time what a post, a poll, a page and a delivery cost, in memory a stream, and on disk a
// message, and works out what a million people in 100,000 chats need. Processor time is nearly the same on a busy machine.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { LIMITS } from '../src/config.js'
import { poolSize } from '../src/process/connections.js'
import { call, signIn, signUp, startChats } from './accounts.js'
import { getRequest, load, postRequest } from './load.js'
import { cpu, postmasterIn, start, stop, TICKS } from './programs.js'
import { MARK, openReaders } from './readers.js'

const seconds = Number(process.argv[2] ?? 5)

/** What people do at the busiest time. All of it is assumed. */
const PEOPLE = 1_000_000
const CHATS = 100_000
const ONLINE = PEOPLE / 10
/** Of those who have the same chat open. */
const READERS = 10
const SECONDS_BETWEEN = { posts: 300, pages: 120, polls: 20 }
/** Posts of a day, in those of a busy hour. */
const BUSY_HOURS = 8
/** Of a core that may be used in the mean, so that the next second can be busier. */
const USED = 0.5
const WORKERS = 4

const SENDERS = 16
const STREAMS = 1_000
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const database = await start(['dist/bench/database.js', folder])
const site = await start(['bin/start.js'], {
  DATABASE_URL: database.url,
  LIMITS: 'off',
  HOST: '127.0.0.1',
  PORT: '0',
}).catch(async error => {
  await stop(database.child)
  throw error
})
try {
  print(await costs())
} finally {
  await stop(site.child)
  await stop(database.child)
  await rm(folder, { recursive: true, force: true })
}

/** In µs of a core in Node and in PostgreSQL, and in bytes. */
interface Costs {
  post: { node: number; postgres: number }
  poll: number
  page: number
  delivery: number
  stream: number
  message: number
}

async function costs(): Promise<Costs> {
  const node = site.child.pid ?? 0
  const postgres = postmasterIn(folder)
  const port = Number(new URL(site.url).port)
  const tokens = await Promise.all(Array.from({ length: SENDERS }, (_, n) => signUp(site.url, `sender${n}`)))
  const uris = await startChats(site.url, tokens, SENDERS)
  const [token = ''] = tokens
  const [uri = ''] = uris
  const cookie = await signIn(site.url, 'sender0')
  const next = (sender: number) =>
    postRequest(
      `/api/chats/${uris[sender]}/messages/`,
      { 'Content-Type': 'application/json', Authorization: `Token ${tokens[sender]}` },
      JSON.stringify({
        message: `a message of about eighty bytes, as people write them in a chat ${MARK} ${Math.random()}`,
      }),
    )
  const get = (at: string, more: Record<string, string>) => {
    const request = getRequest(at, { Cookie: cookie, ...more })
    return () => request
  }
  /** Until it is compiled, code takes longer. */
  const of = async (request: (sender: number) => string) => {
    await load(port, SENDERS, seconds, request)
    const before = [cpu(node), cpu(postgres)]
    const { perSecond, refused } = await load(port, SENDERS, seconds, request)
    const count = perSecond.reduce((sum, each) => sum + each, 0)
    if (refused > 0 || count === 0) {
      throw new Error(`${refused} requests were refused, and ${count} answered`)
    }
    const [inNode = 0, inPostgres = 0] = [cpu(node), cpu(postgres)].map(
      (after, n) => ((after - (before[n] ?? 0)) / TICKS / count) * 1e6,
    )
    return { node: inNode, postgres: inPostgres }
  }
  const sizes = new pg.Client(database.url)
  await sizes.connect()
  const size = async () =>
    (
      await sizes.query(
        "select pg_total_relation_size('events')::int as bytes, (select count(*) from events)::int as count",
      )
    ).rows[0]
  const empty = await size()
  const post = await of(next)
  await sizes.query('vacuum events')
  const full = await size()
  await sizes.end()
  const { version } = await call(site.url, 'GET', `/api/chats/${uri}/`, token)
  const poll = await of(get(`/chats/${uri}/messages?after=${version}`, { 'HX-Request': 'true' }))
  const page = await of(get(`/chats/${uri}`, { Accept: 'text/html', 'Accept-Encoding': 'gzip' }))

  const before = memory(node)
  const readers = await openReaders(port, STREAMS, `/api/chats/${uri}/live/`, { Authorization: `Token ${token}` })
  await wait(2000)
  const stream = (memory(node) - before) / STREAMS
  const begun = cpu(node)
  const events = 20 * seconds
  for (let n = 1; n <= events; n++) {
    await call(site.url, 'POST', `/api/chats/${uri}/messages/`, token, {
      message: `hello, everybody who reads this ${MARK}`,
    })
    // A message has the mark in its text, and in the HTML of it.
    await readers.received(2 * n)
  }
  const delivery = ((cpu(node) - begun) / TICKS) * 1e6 - events * post.node
  readers.close()
  return {
    post,
    poll: poll.node,
    page: page.node,
    delivery: Math.max(0, delivery) / events / STREAMS,
    stream,
    message: (full.bytes - empty.bytes) / (full.count - empty.count),
  }
}

function print({ post, poll, page, delivery, stream, message }: Costs) {
  console.log(`\nMeasured, while the load average was ${loadavg()[0]?.toFixed(1)}\n`)
  console.table({
    'a post: Node': `${post.node.toFixed(0)} µs`,
    'a post: PostgreSQL': `${post.postgres.toFixed(0)} µs`,
    'an idle poll': `${poll.toFixed(0)} µs`,
    'a page that is opened again': `${page.toFixed(0)} µs`,
    'a delivery to one stream': `${delivery.toFixed(1)} µs`,
    'memory of a stream': `${(stream / 1024).toFixed(1)} kB`,
    'disk for a message, with indexes': `${message.toFixed(0)} bytes`,
  })
  const rates = {
    posts: ONLINE / SECONDS_BETWEEN.posts,
    pages: ONLINE / SECONDS_BETWEEN.pages,
    polls: ONLINE / SECONDS_BETWEEN.polls,
  }
  const cores = {
    posts: (rates.posts * post.node) / 1e6,
    pages: (rates.pages * page) / 1e6,
    polls: (rates.polls * poll) / 1e6,
    deliveries: (rates.posts * READERS * delivery) / 1e6,
    postgres: (rates.posts * post.postgres) / 1e6,
  }
  const node = cores.posts + cores.pages + cores.polls + cores.deliveries
  const byStreams = Math.ceil(ONLINE / LIMITS.streams.inAll)
  const byCores = Math.ceil(node / USED / WORKERS)
  const machines = Math.max(byStreams, byCores)
  const processes = machines * WORKERS
  // Everybody's chat is open at every process where one of its readers is, and a process sends a text each 10 ms at most.
  const texts = Math.min(rates.posts, 100 * processes)
  console.log(
    `\n${PEOPLE} people in ${CHATS} chats, ${ONLINE} of them there at once, ${READERS} in each chat that is open\n`,
  )
  console.table({
    'posts, pages, polls a second': Object.values(rates).map(Math.round).join(', '),
    'deliveries a second': Math.round(rates.posts * READERS),
    'cores for Node': `${node.toFixed(2)} (${Object.entries(cores)
      .filter(([name]) => name !== 'postgres')
      .map(([name, needed]) => `${name} ${needed.toFixed(2)}`)
      .join(', ')})`,
    'cores for posts in PostgreSQL': cores.postgres.toFixed(2),
    'memory of streams': `${((ONLINE * stream) / 1024 ** 3).toFixed(1)} GB`,
    'disk a month': `${((rates.posts * 3600 * BUSY_HOURS * 30 * message) / 1024 ** 3).toFixed(0)} GB`,
    [`machines with ${WORKERS} processes`]: `${machines} (for the cores ${byCores}, for ${LIMITS.streams.inAll} streams on each ${byStreams})`,
    'database connections': processes * (poolSize(WORKERS) + 1) + 4 * machines,
    'texts of the bus a second, and who listens': `${Math.round(texts)}, ${processes}`,
  })
}

function memory(pid: number): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
