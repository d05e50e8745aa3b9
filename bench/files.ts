// npm run bench -- files [messages]: the memory of the process while a chat of so many messages is imported and exported, over time, beside a chat
// that is ten times smaller. It is to be the same for both. What is exported is compared with what was imported.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { start, stop } from './programs.js'

const COUNT = Number(process.argv[2] ?? 200_000)
const MIB = 1024 * 1024

const folder = await mkdtemp(path.join(tmpdir(), 'chatire-bench-'))
const database = await start(['dist/bench/database.js', folder])
const site = await start(['bin/start.js'], { DATABASE_URL: database.url, LIMITS: 'off', HOST: '127.0.0.1', PORT: '0' })
try {
  const token = await signUp()
  const rows: Record<string, Awaited<ReturnType<typeof measured>>> = {}
  // The first chat warms the process up.
  for (const count of [COUNT / 10, COUNT / 10, COUNT]) {
    const sent = createHash('sha256')
    let uri = ''
    rows[`import of ${count}`] = await measured(async () => {
      uri = await importAll(token, count, sent)
    })
    const received = createHash('sha256')
    rows[`export of ${count}`] = await measured(() => exportAll(token, uri, received))
    if (sent.digest('hex') !== received.digest('hex')) {
      throw new Error('Other messages were exported than were imported')
    }
  }
  console.log(
    '\nThe resident memory of the process in MiB: at the beginning, after each tenth of the time, and the most\n',
  )
  console.table(rows)
  for (const what of ['import', 'export']) {
    const [small, large] = [COUNT / 10, COUNT].map(count => rows[`${what} of ${count}`]?.most ?? 0)
    if ((large ?? 0) > 1.5 * (small ?? 0)) {
      throw new Error(`The ${what} of the larger chat took more memory`)
    }
  }
} finally {
  await stop(site.child)
  await stop(database.child)
  await rm(folder, { recursive: true, force: true })
}

async function signUp(): Promise<string> {
  const body = new URLSearchParams({ username: 'ann', password: 'correct horse battery' })
  await fetch(new URL('/auth/users/create/', site.url), { method: 'POST', body })
  const answer = await fetch(new URL('/auth/token/create/', site.url), { method: 'POST', body })
  return ((await answer.json()) as { auth_token: string }).auth_token
}

async function importAll(token: string, count: number, hash: ReturnType<typeof createHash>): Promise<string> {
  const sent = request(new URL('/api/imports/', site.url), {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-type': 'application/x-ndjson' },
  })
  const answered = new Promise<string>((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', async response => {
      const text = (await response.setEncoding('utf8').toArray()).join('')
      const { uri } = JSON.parse(text)
      return uri ? resolve(uri) : reject(new Error(text))
    })
  })
  await pipeline(Readable.from(lines(count, hash)), sent)
  return answered
}

function* lines(count: number, hash: ReturnType<typeof createHash>) {
  const begin = Date.now() - count * 1000
  for (let n = 1; n <= count; n++) {
    const message = `${n} ${'a few words of an ordinary message '.repeat(1 + (n % 5))}`.trim()
    hash.update(message)
    const created_at = new Date(begin + n * 1000).toISOString()
    yield `${JSON.stringify({ id: n, user: { name: `author ${n % 20}` }, message, created_at })}\n`
  }
}

async function exportAll(token: string, uri: string, hash: ReturnType<typeof createHash>) {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    request(new URL(`/api/chats/${uri}/exports/ndjson/`, site.url), { headers: { authorization: `Token ${token}` } })
      .on('response', resolve)
      .on('error', reject)
      .end()
  })
  for await (const line of createInterface({ input: response })) {
    const { event, message } = JSON.parse(line)
    if (event === 'message') {
      hash.update(message)
    }
  }
}

async function measured(work: () => Promise<void>) {
  const begun = performance.now()
  const seen = [memory()]
  const timer = setInterval(() => seen.push(memory()), 100)
  await work()
  clearInterval(timer)
  const tenths = Array.from({ length: 11 }, (_, n) => seen[Math.floor(((seen.length - 1) * n) / 10)])
  return {
    seconds: Math.round((performance.now() - begun) / 100) / 10,
    ...Object.fromEntries(tenths.map((mib, n) => [`${n}/10`, mib])),
    most: Math.max(...seen),
  }
}

function memory(): number {
  const [, kib = 0] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${site.child.pid}/status`, 'utf8')) ?? []
  return Math.round((Number(kib) * 1024) / MIB)
}
