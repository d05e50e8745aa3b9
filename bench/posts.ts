// npm run bench -- posts [seconds]: posts per second from an empty table, compared with node:http and one INSERT on the same PostgreSQL.
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { signUp, startChats } from './accounts.js'
import { type Load, load, postRequest } from './load.js'
import { placement, start, stayOffTheServersCore, stop } from './programs.js'

const SENDERS = 16
const seconds = Number(process.argv[2] ?? 60)
const MESSAGE = 'hello, this is a message of about eighty bytes, as people write them in a chat ok'

const JSON_BODY = { 'Content-Type': 'application/json' }
const FLOORS = {
  'floor: node:http + INSERT of a text': '/bare',
  'floor: node:http + INSERT with chat and author': '/chat',
}

stayOffTheServersCore()
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const children: ChildProcess[] = []
const database = await run(['dist/bench/database.js', folder])
const results = new Map<string, Load>()
try {
  const floor = await run(['dist/bench/floor.js'], { DATABASE_URL: database.url })
  for (const [name, path] of Object.entries(FLOORS)) {
    const next = () => postRequest(path, JSON_BODY, JSON.stringify({ message: MESSAGE }))
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
        JSON.stringify({ message: MESSAGE }),
      )
    results.set(`Chatire: ${SENDERS} senders, ${chats} chat${chats > 1 ? 's' : ''}`, await measure(site.url, next))
  }
} finally {
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
async function measure(url: string, next: (sender: number) => string): Promise<Load> {
  await load(portOf(url), SENDERS, Math.min(3, seconds), next)
  return load(portOf(url), SENDERS, seconds, next)
}

function print() {
  const sixth = Math.max(1, Math.floor(seconds / 6))
  console.log(`\n${SENDERS} senders for ${seconds} s each, from an empty table; ${placement}; fsync on\n`)
  console.table(
    Object.fromEntries(
      [...results].map(([name, { perSecond, refused }]) => [
        name,
        {
          'posts/s': Math.round(rate(perSecond)),
          [`first ${sixth} s`]: Math.round(rate(perSecond.slice(0, sixth))),
          [`last ${sixth} s`]: Math.round(rate(perSecond.slice(-sixth))),
          ...Object.fromEntries(
            Object.keys(FLOORS).map((floor, n) => [
              `times floor ${n + 1}`,
              (rate(perSecond) / rate(results.get(floor)?.perSecond ?? [])).toFixed(2),
            ]),
          ),
          refused,
        },
      ]),
    ),
  )
}

function rate(perSecond: number[]): number {
  return perSecond.reduce((sum, count) => sum + count, 0) / Math.max(1, perSecond.length)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
