import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { PASSWORD, Program } from '../../test/support/visitor.js'
import { killProgram } from './kills.js'
import type { World } from './world.js'

/** How long slow readers and writers stay, in milliseconds: longer than both are put up with. */
const SLOW = 15_000

/** Streams of a busy chat of which nothing is read. */
export async function slowReaders({ program, trial }: World) {
  const [chat] = trial.cast.chats
  const sockets = several(program.port, 50, socket => {
    socket.pause()
    const { token } = trial.cast.reader.program
    socket.write(
      `GET /api/chats/${chat?.uri}/live/?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token ${token}\r\n\r\n`,
    )
  })
  await wait(SLOW)
  close(sockets)
  return undefined
}

/** Requests that come byte by byte. */
export async function slowWriters({ program }: World) {
  const sockets = several(program.port, 100, socket =>
    socket.write('POST /api/chats/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
  )
  for (const end = performance.now() + SLOW; performance.now() < end; await wait(500)) {
    for (const socket of sockets.filter(({ writable }) => writable)) {
      socket.write('x')
    }
  }
  close(sockets)
  return undefined
}

/**
 * Many passwords at once, right and wrong ones. Who is told that theirs is right must have had the right one. Each makes a token, and an
 * account has a hundred at most: so they are of different people.
 */
export async function logins({ program, trial }: World) {
  const anyone = new Program({ url: `http://127.0.0.1:${program.port}` })
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const right = n % 2 === 0
      const username = `judge-sender-${n % trial.cast.senders.length}`
      const fields = { username, password: right ? PASSWORD : `${PASSWORD} ${n}` }
      const { status } = await anyone.call('POST', '/auth/token/create/', fields)
      if (!(right ? [200, 503] : [400, 503]).includes(status)) {
        trial.findings.note(
          'wrong',
          `A login with the ${right ? 'right' : 'wrong'} password was answered with ${status}`,
        )
      }
    }),
  )
  return undefined
}

/** All streams of a chat lose the program at the same moment, and come back as browsers do. Says how long each was away. */
export async function herd(world: World) {
  const { program, trial, scale } = world
  // Nobody reads all chats of a sender.
  const author = trial.cast.senders[0]?.program as Program
  const uri = (await new Program({ url: `http://127.0.0.1:${program.port}` }, author.token).startChat()) ?? ''
  const head = `GET /api/chats/${uri}/live/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Token ${author.token}\r\n`
  const readers = Array.from(
    { length: Math.max(100, Math.min(5000, Math.round(5000 * scale))) },
    () => new HerdReader(program.port, head),
  )
  for (const reader of readers) {
    reader.open()
  }
  await until(() => readers.every(({ isOpen }) => isOpen))
  await killProgram(world)
  const from = performance.now()
  await until(() => readers.every(({ openedAt }) => openedAt > from))
  const posted = Array.from({ length: 20 }, (_, n) => `herd ${n}`)
  let last = 0
  for (const message of posted) {
    last = (await author.post(uri, message)).json.version
  }
  await until(() => readers.every(({ cursor }) => cursor >= last))
  for (const reader of readers) {
    if (reader.disorder > 0) {
      trial.findings.note('out of order', 'A stream of a herd got a version that does not follow', reader.disorder)
    }
    reader.close()
  }
  return readers.map(({ openedAt }) => openedAt - from)
}

/** A stream of events by a socket alone, as there are thousands. */
class HerdReader {
  isOpen = false
  openedAt = 0
  cursor = 0
  disorder = 0
  private readonly port: number
  private readonly head: string
  private socket: Socket | undefined
  private closed = false

  constructor(port: number, head: string) {
    this.port = port
    this.head = head
  }

  open() {
    let rest = ''
    const socket = connect(this.port, '127.0.0.1')
    this.socket = socket
    socket.on('error', () => {})
    socket.on('connect', () =>
      socket.write(`${this.head}${this.cursor > 0 ? `Last-Event-ID: ${this.cursor}\r\n` : ''}\r\n`),
    )
    socket.setEncoding('latin1').on('data', text => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        this.take(line)
      }
    })
    socket.on('close', () => {
      this.isOpen = false
      if (!this.closed) {
        setTimeout(() => this.open(), 350 + Math.random() * 300)
      }
    })
  }

  close() {
    this.closed = true
    this.socket?.destroy()
  }

  private take(line: string) {
    const [, id] = /^id: (\d+)/.exec(line) ?? []
    if (id !== undefined && !this.isOpen) {
      this.isOpen = true
      this.openedAt = performance.now()
      this.disorder += this.cursor > 0 && Number(id) !== this.cursor ? 1 : 0
      this.cursor = Number(id)
    } else if (id !== undefined) {
      this.disorder += Number(id) === this.cursor + 1 ? 0 : 1
      this.cursor = Number(id)
    }
  }
}

function several(port: number, count: number, begin: (socket: Socket) => void): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('connect', () => begin(socket))
    return socket
  })
}

function close(sockets: readonly Socket[]) {
  for (const socket of sockets) {
    socket.destroy()
  }
}

async function until(holds: () => boolean) {
  for (const deadline = performance.now() + 120_000; !holds(); await wait(20)) {
    if (performance.now() > deadline) {
      throw new Error(`Still not so after two minutes: ${holds}`)
    }
  }
}
