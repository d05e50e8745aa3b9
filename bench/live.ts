// npm run bench -- live [seconds]: fan-out to streams, and the memory of idle ones. Each is compared in the same run with the least that any
// server has to do.
import { readFileSync } from 'node:fs'
import { call, signUp, startChats } from './accounts.js'
import { postRequest } from './load.js'
import { placement, type Started, withPrograms } from './programs.js'
import { MARK, openReaders, type Readers } from './readers.js'
import { openSender } from './sender.js'

const seconds = Number(process.argv[2] ?? 20)
const READERS = [100, 1000, 5000]
const MESSAGE = `hello, this is a message of about eighty bytes, as people write them in a chat ${MARK}`

await withPrograms(async (run, folder) => {
  const database = await run(['dist/bench/database.js', folder])
  const settings = { DATABASE_URL: database.url, LIMITS: 'off', LOG_LEVEL: 'info', PORT: '0', HOST: '127.0.0.1' }
  const site = await run(['bin/start.js'], settings)
  const token = await signUp(site.url, 'reader')
  const [uri = ''] = await startChats(site.url, [token], 1)
  const frame = JSON.stringify(await call(site.url, 'POST', `/api/chats/${uri}/messages/`, token, { message: MESSAGE }))
  const bare = await run(['dist/bench/bare.js'], { FRAME_BYTES: String(frame.length) })
  console.log(`\n${placement}\n`)
  // First, before anything else makes the programs' memory grow.
  await memory(site, bare, uri, token)
  await fanOut(site, bare, uri, token)
})

/** Messages to many streams of one chat: one after another as fast as possible, and ten a second. */
async function fanOut(site: Started, bare: Started, uri: string, token: string) {
  const rows: [string, Record<string, unknown>][] = []
  for (const count of READERS) {
    const floors = { rate: 0 }
    for (const name of ['node:http', 'Chatire']) {
      const isBare = name === 'node:http'
      const { port } = isBare ? bare : site
      const readers = isBare
        ? await openReaders(port, count, '/stream', {})
        : await openReaders(port, count, `/api/chats/${uri}/live/`, { Authorization: `Token ${token}` })
      const post = isBare
        ? postRequest('/stream', {}, MESSAGE)
        : postRequest(
            `/api/chats/${uri}/messages/`,
            { 'Content-Type': 'application/json', Authorization: `Token ${token}` },
            JSON.stringify({ message: MESSAGE }),
          )
      let sent = 0
      const send = async (inFlight: number, forSeconds: number) => {
        const result = await sendOn(port, post, readers, sent, inFlight, forSeconds)
        sent += result.messages
        return { ...result, rate: (result.messages * count) / result.took }
      }
      await send(2, 1)
      const single = await send(2, seconds / 4)
      const fast = await send(64, seconds / 4)
      const calm = await everyTenth(port, post, readers, sent, seconds / 4)
      if (isBare) {
        floors.rate = single.rate
      }
      rows.push([
        `${count} streams, ${name}`,
        {
          'deliveries/s': Math.round(single.rate),
          'of node:http': ratio(single.rate, floors.rate),
          'messages a write': single.perRead.toFixed(1),
          'as fast as they come': Math.round(fast.rate),
          'times node:http': ratio(fast.rate, floors.rate),
          'messages a write ': fast.perRead.toFixed(1),
          'last reader p50 (ms)': calm.p50.toFixed(1),
          'p99 (ms)': calm.p99.toFixed(1),
        },
      ])
      readers.close()
    }
  }
  print('Fan-out: two posts in flight, then 64, then ten a second', rows)
}

/** Each of `inFlight` senders posts again when its last message was answered and the readers are at most `inFlight` messages behind. */
async function sendOn(
  port: number,
  post: string,
  readers: Readers,
  before: number,
  inFlight: number,
  forSeconds: number,
): Promise<{ messages: number; took: number; perRead: number }> {
  const senders = await Promise.all(Array.from({ length: inFlight }, () => openSender(port)))
  readers.eventsPerRead()
  let messages = 0
  const begun = performance.now()
  await Promise.all(
    senders.map(async sender => {
      while (performance.now() - begun < forSeconds * 1000) {
        messages++
        await sender.send(post)
        // Never more messages ahead of the readers than there are senders.
        await readers.received(Math.max(0, before + messages - inFlight))
      }
      sender.close()
    }),
  )
  await readers.received(before + messages)
  return { messages, took: (performance.now() - begun) / 1000, perRead: readers.eventsPerRead() }
}

/** The time from sending a post until the last reader has it, measured ten times a second. */
async function everyTenth(port: number, post: string, readers: Readers, before: number, forSeconds: number) {
  const sender = await openSender(port)
  const times: number[] = []
  for (let n = 1; n <= forSeconds * 10; n++) {
    const sent = performance.now()
    await Promise.all([sender.send(post), readers.received(before + n)])
    times.push(performance.now() - sent)
    await new Promise(resolve => setTimeout(resolve, Math.max(0, 100 - (performance.now() - sent))))
  }
  sender.close()
  times.sort((a, b) => a - b)
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

/** The memory of an idle stream: how much more the whole process has with 5,000 of them. */
async function memory(site: Started, bare: Started, uri: string, token: string) {
  const count = READERS.at(-1) ?? 0
  const rows: [string, Record<string, unknown>][] = []
  let floor = 0
  for (const [name, program, at] of [
    ['node:http', bare, '/stream'],
    ['Chatire', site, `/api/chats/${uri}/live/`],
  ] as const) {
    const first = await openReaders(program.port, 500, at, { Authorization: `Token ${token}` })
    first.close()
    const before = await settled(program.pid)
    const readers = await openReaders(program.port, count, at, { Authorization: `Token ${token}` })
    const each = ((await settled(program.pid)) - before) / count
    floor ||= each
    rows.push([name, { 'kB a stream': each.toFixed(1), 'times node:http': ratio(each, floor) }])
    readers.close()
  }
  print(`Memory of ${count} idle streams`, rows)
}

/** The memory of the process in kB, when it no longer changes. */
async function settled(pid: number): Promise<number> {
  let last = 0
  for (;;) {
    const [, resident = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    if (Math.abs(Number(resident) - last) < 200) {
      return Number(resident)
    }
    last = Number(resident)
    await new Promise(resolve => setTimeout(resolve, 3000))
  }
}

function print(title: string, rows: [string, Record<string, unknown>][]) {
  console.log(title)
  console.table(Object.fromEntries(rows))
}

function ratio(value: number, floor: number): string {
  return (value / floor).toFixed(2)
}
