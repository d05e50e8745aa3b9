// node dist/bench/soak.js [seconds] [streams]: many readers follow one chat, each by a stream of its own, during 10 posts a second.
// Ends with 1 unless every reader got every message once, in order. npm run soak runs this and more.
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { PATIENCE } from '../test/support/patience.js'
import { type Program, signUpProgram } from '../test/support/visitor.js'
import { placement, start, stayOffTheServersCore, stop } from './programs.js'

const seconds = Number(process.argv[2] ?? 60)
const streams = Number(process.argv[3] ?? 1000)
const PER_SECOND = 10
const total = Math.round(seconds * PER_SECOND)
const text = (n: number) => `message ${n} of ${total}, about eighty bytes long, as people write them in a chat, ok?`

/** One reader: which messages came, and what was wrong with them. */
interface Reader {
  got: number
  /** In milliseconds, from sending each message. */
  delays: Float64Array
  complaint: string | undefined
}

/** All readers get the same bytes, so most of them were parsed before. */
let read = { frame: '', message: '', id: 0 }
let firstId: number | undefined

stayOffTheServersCore()
const folder = await mkdtemp(path.join(tmpdir(), 'chatire-soak-'))
const database = await start(['dist/bench/database.js', folder])
try {
  const site = await start(['bin/start.js'], {
    DATABASE_URL: database.url,
    LIMITS: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
  })
  try {
    process.exitCode = (await soak(site.url.replace(/\/$/, ''))) ? 0 : 1
  } finally {
    await stop(site.child)
  }
} finally {
  await stop(database.child)
  await rm(folder, { recursive: true, force: true })
}

/** Whether every reader got every message once, in order. */
async function soak(url: string): Promise<boolean> {
  const author = await signUpProgram({ url }, 'author')
  const uri = await author.startChat()
  const sentAt = new Float64Array(total)
  const readers: Reader[] = []
  while (readers.length < streams) {
    const some = Math.min(100, streams - readers.length)
    readers.push(...(await Promise.all(Array.from({ length: some }, () => openReader(url, uri, author, sentAt)))))
  }

  const refused: string[] = []
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: total }, async (_, n) => {
      await wait(begun + (n * 1000) / PER_SECOND - performance.now())
      sentAt[n] = performance.now()
      const { status, text: answer } = await author.post(uri, text(n))
      if (status !== 201) {
        refused.push(`${status} ${answer}`)
      }
    }),
  )
  const deadline = performance.now() + PATIENCE
  while (readers.some(({ got, complaint }) => got < total && !complaint) && performance.now() < deadline) {
    await wait(20)
  }
  print(readers)
  return judge(readers, refused)
}

/** It uses a socket directly, because the load shares the machine with the program that it measures. */
async function openReader(url: string, uri: string, { token }: Program, sentAt: Float64Array): Promise<Reader> {
  const reader: Reader = { got: 0, delays: new Float64Array(total), complaint: undefined }
  const { port, host } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  let rest = ''
  let opened = false
  await new Promise<void>((resolve, reject) => {
    const over = (error?: Error) => {
      reader.complaint ??= `its stream ended after ${reader.got} messages`
      reject(error ?? new Error('A stream was not opened'))
    }
    socket.setNoDelay(true).setEncoding('utf8')
    socket.on('error', over)
    socket.on('close', () => over())
    socket.on('connect', () =>
      socket.write(
        `GET /api/chats/${uri}/live/ HTTP/1.0\r\nHost: ${host}\r\nAuthorization: Token ${token}\r\nAccept: text/event-stream\r\n\r\n`,
      ),
    )
    socket.on('data', (chunk: string) => {
      const now = performance.now()
      const frames = (rest + chunk).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        if (!opened) {
          opened = true
          if (frame.startsWith('HTTP/1.1 200 ')) {
            resolve()
          } else {
            reject(new Error(`A stream was refused: ${frame}`))
          }
        } else if (frame.startsWith('id: ')) {
          take(reader, frame, now, sentAt)
        }
      }
    })
  })
  return reader
}

function take(reader: Reader, frame: string, now: number, sentAt: Float64Array) {
  if (read.frame !== frame) {
    const [, id = '', data = ''] = /^id: (\d+)\nevent: message\ndata: (.+)$/.exec(frame) ?? []
    read = { frame, message: data && JSON.parse(data).message, id: Number(id) }
  }
  const n = Number(/^message (\d+) /.exec(read.message)?.[1])
  // Posts that are sent at the same time may come in either order, but all readers must get the same one.
  if (read.message !== text(n)) {
    reader.complaint ??= `got ${frame}`
  } else if (reader.delays[n] !== 0) {
    reader.complaint ??= `got message ${n} twice`
  } else if (read.id !== (firstId ?? read.id) + reader.got) {
    reader.complaint ??= `got ${read.id} after ${reader.got} messages, which began with ${firstId}`
  } else {
    firstId ??= read.id
    reader.delays[n] = now - (sentAt[n] ?? 0)
    reader.got++
  }
}

function judge(readers: readonly Reader[], refused: readonly string[]): boolean {
  const missing = readers.filter(({ got }) => got !== total).length
  const complaints = readers.flatMap(({ complaint }) => complaint ?? [])
  const lines = [
    ...refused.slice(0, 5).map(answer => `A post was refused: ${answer}`),
    ...(missing > 0 ? [`${missing} of ${readers.length} readers did not get every message`] : []),
    ...complaints.slice(0, 5).map(complaint => `A reader ${complaint}`),
  ]
  console.log(lines.length > 0 ? lines.join('\n') : 'Every reader got every message once, in order.')
  return lines.length === 0
}

function print(readers: readonly Reader[]) {
  const each = readers.flatMap(({ delays }) => [...delays])
  const last = Array.from({ length: total }, (_, n) => Math.max(...readers.map(({ delays }) => delays[n] ?? 0)))
  console.log(`\n${streams} streams on one chat, ${PER_SECOND} posts/s for ${seconds} s; ${placement}; fsync on`)
  console.log('Milliseconds from the moment a post is sent\n')
  console.table({ 'to each reader': spread(each), 'to the last reader': spread(last) })
}

function spread(numbers: number[]) {
  const sorted = Float64Array.from(numbers).sort()
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
