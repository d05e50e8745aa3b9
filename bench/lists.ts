// npm run bench -- lists [seconds]: what open lists of chats cost. 1,000 readers of one chat, each in 29 others too, during 10 posts a
// second there and one a second elsewhere: first without lists, then each page with one, which asks again as pages do.
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { cpu, placement, postmasterIn, start, stayOffTheServersCore, stop, TICKS } from './programs.js'

const seconds = Number(process.argv[2] ?? 120)
const READERS = 1000
/** Besides the one that all read, and how many of them each reader is in. */
const CHATS = 1000
const EACH_IN = 29
const PER_SECOND = 10
/** As in static/app/chats.ts, in milliseconds. */
const ASKS_EVERY = 60_000
const ASKS_WITHIN = 5000
const READ_BY_ALL = 'read-by-all-0123456789'

stayOffTheServersCore()
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const database = await start(['dist/bench/database.js', folder])
const site = await start(['bin/start.js'], { DATABASE_URL: database.url, LIMITS: 'off', HOST: '127.0.0.1', PORT: '0' })
const pool = new pg.Pool({ connectionString: database.url })
try {
  await fill()
  console.log(
    `\n${READERS} readers of one chat, ${PER_SECOND} posts/s there and 1/s elsewhere, ${seconds} s; ${placement}\n`,
  )
  const without = await measure(false)
  const withLists = await measure(true)
  console.table({ 'without lists': without, 'with lists': withLists })
} finally {
  await pool.end()
  await stop(site.child)
  await stop(database.child)
  await rm(folder, { recursive: true, force: true })
}
process.exit()

/** Users whose tokens are their names, and their chats. */
async function fill() {
  await pool.query(
    `with made as (
       insert into users (username, folded_username, name, folded_name, password_hash)
       select 'reader-' || n, 'reader-' || n, 'reader-' || n, 'reader-' || n, '-' from generate_series(0, $1 - 1) n
       returning id, username
     )
     insert into tokens (key_hash, user_id) select sha256(username::bytea), id from made`,
    [READERS],
  )
  await pool.query(
    `with owner as (select min(id) as id from users),
     made as (
       insert into chats (owner_id) select owner.id from owner, generate_series(0, $1) returning id
     ),
     numbered as (select id, row_number() over (order by id) - 1 as n from made)
     insert into links (uri, chat_id)
     select case n when 0 then $2 else 'one-of-many-0123456789-' || n end, id from numbered`,
    [CHATS, READ_BY_ALL],
  )
  await pool.query(
    `insert into members (chat_id, user_id, name, folded_name)
     select distinct links.chat_id, users.id, users.name, users.folded_name
     from (select id, name, folded_name, row_number() over (order by id) - 1 as n from users) users cross join generate_series(0, $1) k
     join links on links.uri = case k when 0 then $2 else 'one-of-many-0123456789-' || (users.n * 7 + k * 13) % $3 + 1 end`,
    [EACH_IN, READ_BY_ALL, CHATS],
  )
  // The program goes on building indexes after it has begun to serve. An analyze meanwhile and such a build would wait for each other.
  while (await isBuilding()) {
    await wait(100)
  }
  await pool.query('analyze')
}

async function isBuilding(): Promise<boolean> {
  const { rows } = await pool.query(
    "select to_regclass('events_search') is not null or to_regclass('events_words') is null as building",
  )
  return rows[0].building
}

async function measure(lists: boolean) {
  const tally = { asked: 0, unchanged: 0, told: 0, took: [] as number[], delays: [] as number[] }
  const timers: NodeJS.Timeout[] = []
  const streams: IncomingMessage[] = []
  const sending: Promise<void>[] = []
  let over = false
  let sentAt = 0
  let came = 0
  for (let n = 0; n < READERS; n++) {
    let have = ''
    const ask = async () => {
      if (over) {
        return
      }
      const begun = performance.now()
      const { status, text } = await answer('GET', `/chats?${have && `have=${have}`}`, `reader-${n}`)
      tally.took.push(performance.now() - begun)
      tally.asked++
      tally.unchanged += status === 204 ? 1 : 0
      have = /name="have" value="([^"]+)"/.exec(text)?.[1] ?? have
    }
    let waits = false
    const stream = await open(`/chats/${READ_BY_ALL}/live`, `reader-${n}`)
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      came += chunk.includes('id: ') ? 1 : 0
      if (came === READERS) {
        came = 0
        tally.delays.push(performance.now() - sentAt)
      }
      if (chunk.includes('event: chats')) {
        tally.told++
        if (!waits) {
          waits = true
          setTimeout(() => {
            waits = false
            sending.push(ask())
          }, Math.random() * ASKS_WITHIN)
        }
      }
    })
    streams.push(stream)
    if (lists) {
      await ask()
      timers.push(
        setTimeout(() => timers.push(setInterval(() => sending.push(ask()), ASKS_EVERY)), Math.random() * ASKS_EVERY),
      )
    }
  }
  Object.assign(tally, { asked: 0, unchanged: 0, told: 0, took: [] })
  const before = { site: cpu(site.child.pid), database: cpu(postmasterIn(folder)) }
  const begun = performance.now()
  for (let n = 0; n < seconds * PER_SECOND; n++) {
    await wait(begun + (n * 1000) / PER_SECOND - performance.now())
    sentAt = performance.now()
    came = 0
    sending.push(post(READ_BY_ALL, 0))
    if (n % PER_SECOND === 0) {
      const k = Math.floor(Math.random() * CHATS) + 1
      sending.push(post(`one-of-many-0123456789-${k}`, await memberOf(k)))
    }
  }
  const took = (performance.now() - begun) / 1000
  const share = (now: number, then: number) => `${(((now - then) / TICKS / took) * 100).toFixed(1)} %`
  const row = {
    'Chatire, of a core': share(cpu(site.child.pid), before.site),
    'PostgreSQL, of a core': share(cpu(postmasterIn(folder)), before.database),
    'last reader p50 (ms)': at(tally.delays, 0.5),
    'p99 (ms)': at(tally.delays, 0.99),
    'told/s': (tally.told / took).toFixed(1),
    'asked/s': (tally.asked / took).toFixed(1),
    'of them 204': tally.unchanged,
    'list p50 (ms)': at(tally.took, 0.5),
    'list p99 (ms)': at(tally.took, 0.99),
  }
  over = true
  await Promise.all(sending)
  for (const timer of timers) {
    clearTimeout(timer)
  }
  for (const stream of streams) {
    stream.destroy()
  }
  return row
}

async function post(uri: string, reader: number) {
  const { status, text } = await answer(
    'POST',
    `/api/chats/${uri}/messages/`,
    `reader-${reader}`,
    '{"message":"hello"}',
  )
  if (status !== 201) {
    throw new Error(`A post was refused: ${status} ${text}`)
  }
}

/** The number of a reader who is in that chat. */
async function memberOf(chat: number): Promise<number> {
  const { rows } = await pool.query(
    'select name from members join links using (chat_id) where uri = $1 order by user_id limit 1',
    [`one-of-many-0123456789-${chat}`],
  )
  return Number(rows[0].name.replace('reader-', ''))
}

function ask(method: string, at: string, token: string, body?: string, own = false): Promise<IncomingMessage> {
  const headers = {
    authorization: `Token ${token}`,
    ...(body
      ? { 'content-type': 'application/json' }
      : { 'hx-request': 'true', accept: 'text/html, text/event-stream' }),
  }
  return new Promise((resolve, reject) => {
    request(new URL(at, site.url), { method, headers, agent: own ? false : agent }, resolve)
      .on('error', reject)
      .end(body)
  })
}

function open(at: string, token: string) {
  return ask('GET', at, token, undefined, true)
}

async function answer(method: string, at: string, token: string, body?: string) {
  const response = await ask(method, at, token, body)
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
  }
  return { status: response.statusCode, text }
}

function at(numbers: readonly number[], part: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
}
