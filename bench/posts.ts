// npm run bench -- posts [seconds]: posts per second from an empty table, compared with node:http and one INSERT on the same PostgreSQL.
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { signUp, startChats } from './accounts.js'
import { type Load, load, postRequest } from './load.js'
import { placement, start, stayOffTheServersCore, stop } from './programs.js'

const SENDERS = 16
const seconds = Number(process.argv[2] ?? 60)

/** A message of about eighty bytes, as people write them in a chat, each of other words: equal ones would cost the search index less. */
function message(): string {
  const word = () =>
    `w${String(Math.floor(Math.exp(Math.random() * 9.2))).replace(/\d/g, digit => 'abcdefghij'[Number(digit)] ?? '')}`
  return Array.from({ length: 16 }, word).join(' ')
}

const JSON_BODY = { 'Content-Type': 'application/json' }

/** What was posted, and for how many seconds the search index caught up after it. */
interface Counted extends Load {
  sorting: number
}

const FLOORS = {
  'floor: node:http + INSERT of a text': '/bare',
  'floor: node:http + INSERT with chat and author': '/chat',
}

stayOffTheServersCore()
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const children: ChildProcess[] = []
const database = await run(['dist/bench/database.js', folder])
const sql = new pg.Client(database.url)
await sql.connect()
const results = new Map<string, Counted>()
try {
  const floor = await run(['dist/bench/floor.js'], { DATABASE_URL: database.url })
  for (const [name, path] of Object.entries(FLOORS)) {
    const next = () => postRequest(path, JSON_BODY, JSON.stringify({ message: message() }))
    results.set(name, await measure(floor.url, next))
  }

  const site = await run(['bin/start.js'], {
    DATABASE_URL: database.url,
    LIMITS: 'off',
    LOG_LEVEL: 'info',
    PORT: '0',
  })
  const tokens = await Promise.all(Array.from({ length: SENDERS }, (_, n) => signUp(site.url, `sender${n}`)))
  for (const chats of [1, SENDERS]) {
    const uris = await startChats(site.url, tokens, chats)
    const next = (sender: number) =>
      postRequest(
        `/api/chats/${uris[sender % chats]}/messages/`,
        { ...JSON_BODY, Authorization: `Token ${tokens[sender]}` },
        JSON.stringify({ message: message() }),
      )
    results.set(`Chatire: ${SENDERS} senders, ${chats} chat${chats > 1 ? 's' : ''}`, await measure(site.url, next))
  }
} finally {
  await sql.end()
  // The database, which was started first, is stopped last.
  for (const child of children.reverse()) {
    await stop(child)
  }
  await rm(folder, { recursive: true, force: true })
}
print()

async function run(args: string[], env?: Record<string, string>): Promise<{ url: string }> {
  const { url, child } = await start(args, env)
  children.push(child)
  return { url }
}

/** The first few seconds are not counted, because programs are slower until they are compiled. */
async function measure(url: string, next: (sender: number) => string): Promise<Counted> {
  await load(portOf(url), SENDERS, Math.min(3, seconds), next)
  await sort()
  const done = await load(portOf(url), SENDERS, seconds, next)
  const begun = performance.now()
  await sort()
  return { ...done, sorting: (performance.now() - begun) / 1000 }
}

/** Waits until all words are sorted into the search index. */
async function sort() {
  await sql.query("select gin_clean_pending_list(oid) from pg_class where oid = to_regclass('events_words')")
}

function print() {
  const sixth = Math.max(1, Math.floor(seconds / 6))
  console.log(`\n${SENDERS} senders for ${seconds} s each, from an empty table; ${placement}; fsync on\n`)
  console.table(
    Object.fromEntries(
      [...results].map(([name, { perSecond, refused, sorting }]) => [
        name,
        {
          'posts/s': Math.round(rate(perSecond, sorting)),
          [`first ${sixth} s`]: Math.round(rate(perSecond.slice(0, sixth))),
          [`last ${sixth} s`]: Math.round(rate(perSecond.slice(-sixth))),
          ...Object.fromEntries(
            Object.keys(FLOORS).map((floor, n) => [
              `times floor ${n + 1}`,
              (rate(perSecond, sorting) / rate(results.get(floor)?.perSecond ?? [])).toFixed(2),
            ]),
          ),
          'index, ms': Math.round(1000 * sorting),
          refused,
        },
      ]),
    ),
  )
}

/** With the seconds after the load in which what it left was finished. */
function rate(perSecond: number[], after = 0): number {
  return perSecond.reduce((sum, count) => sum + count, 0) / Math.max(1, perSecond.length + after)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
