import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { limitFiles, mostFiles, openFiles } from '../../bench/faults/processes.js'
import { skipWithout } from '../support/programs.js'
import { postSurely, StreamReader } from '../support/readers.js'
import { postgresProcesses, type Running, startServer, temporaryFolder, until } from '../support/server.js'
import { Program, signUpProgram } from '../support/visitor.js'

const STREAMS = 8

describe('WEB_CONCURRENCY=2', () => {
  let data: Awaited<ReturnType<typeof temporaryFolder>>
  const running: Running[] = []
  const readers: StreamReader[] = []
  let accounts = 0

  // One for all: to create a database takes longer than all the rest.
  before(async () => {
    data = await temporaryFolder()
  })
  after(() => data.remove())
  afterEach(async () => {
    await Promise.all(readers.splice(0).map(reader => reader.stop()))
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
    await until(() => postgresProcesses(data.path).length === 0)
  })

  async function start(env: Record<string, string> = {}) {
    const server = await startServer({ DATA_DIR: data.path, WEB_CONCURRENCY: '2', ...env })
    running.push(server)
    return server
  }

  it('serves by two processes as if by one, and replaces one that is killed @long', async () => {
    const server = await start()
    const { ann, uri } = await follow(server)
    const [killed, spared] = workersOf(server) as [number, number]
    assert.equal(workersOf(server).length, 2)
    assert.equal(server.lines.filter(line => line.includes('Ready: ')).length, 1)

    let last = 0
    const post = async (message: string) => {
      last = (await postSurely([server], uri, ann, message)).version
    }
    const everybodyHasIt = () => Promise.all(readers.map(reader => reader.reached(last)))
    for (let n = 0; n < 10; n++) {
      await post(`two workers ${n}`)
    }
    await everybodyHasIt()

    process.kill(killed, 'SIGKILL')
    await until(() => !workersOf(server).includes(killed))
    for (let n = 0; n < 10; n++) {
      await post(`one worker ${n}`)
    }
    await everybodyHasIt()
    // Node hands connections to its workers by turns, so the streams were with both: some were cut, and the others not.
    const cut = readers.filter(({ streams }) => streams > 1).length
    assert.ok(cut > 0 && cut < STREAMS, `${cut} of ${STREAMS} streams were cut`)

    await until(() => workersOf(server).length === 2)
    assert.ok(workersOf(server).includes(spared))
    await openReaders(server, uri, ann, last, 4)
    await post('two workers again')
    await everybodyHasIt()

    const list = await ann.call('GET', `/api/chats/${uri}/messages/?after=0&limit=1000`)
    const all = list.json.messages.map(({ id, message }: { id: number; message: string }) => `${id} ${message}`)
    for (const [n, reader] of readers.entries()) {
      await reader.stop()
      const seen = reader.seen.map(({ version, message }) => `${version} ${message}`)
      assert.deepEqual(seen, all.slice(all.length - (n < STREAMS ? 21 : 1)))
    }
  })

  it('leaves no connection without an answer or an end that a killed process had been handed @long', async () => {
    const server = await start()
    const [killed] = workersOf(server) as [number]
    process.kill(killed, 'SIGSTOP')
    const { hostname, port } = new URL(server.url)
    let over = 0
    for (let n = 0; n < 10; n++) {
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {}).on('close', () => over++)
      socket.end('GET /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      socket.resume()
    }
    await until(() => over >= 9)
    process.kill(killed, 'SIGKILL')
    await until(() => over === 10)
  })

  it('serves on after its processes had as many files open as they may: what could not be handed on is closed @long', async function () {
    await skipWithout('prlimit', '--version').call(this)
    const server = await start()
    const workers = workersOf(server)
    const limits = workers.map(mostFiles)
    const sockets = new Set<Socket>()
    const { hostname, port } = new URL(server.url)
    try {
      for (const pid of workers) {
        limitFiles(pid, openFiles(pid) + 2)
      }
      let closed = 0
      await until(() => {
        while (sockets.size < 40) {
          const socket = connect(Number(port), hostname)
          socket
            .on('error', () => {})
            .on('close', () => {
              sockets.delete(socket)
              closed++
            })
          sockets.add(socket)
        }
        return closed > 10
      })
    } finally {
      for (const socket of sockets) {
        socket.destroy()
      }
      workers.forEach((pid, n) => {
        limitFiles(pid, limits[n] ?? 0)
      })
    }
    // Each of the two takes its turn again.
    const before = workers.map(openFiles)
    const taken = Array.from({ length: 8 }, () => connect(Number(port), hostname))
    await until(() => workers.every((pid, n) => openFiles(pid) > (before[n] ?? 0)))
    for (const socket of taken) {
      socket.destroy()
    }
    assert.equal((await fetch(`${server.url}/up`)).status, 200)
  })

  it('ends altogether with 0 when it is told to: streams are sent away, and nothing of it is left @long', async () => {
    const server = await start()
    await follow(server)
    const workers = workersOf(server)
    const begun = performance.now()
    server.child.kill('SIGTERM')
    assert.equal(await server.ended, 0, server.lines.join('\n'))
    console.log(`      after ${(performance.now() - begun).toFixed(0)} ms`)
    for (const reader of readers) {
      await reader.stop()
      assert.equal(reader.farewells.length, 1)
      assert.equal(reader.farewells[0]?.event, 'restart')
      const { retry = 0 } = reader.farewells[0] ?? {}
      assert.ok(retry >= 1000 && retry <= 8000, `retry: ${retry}`)
    }
    // Not all at the same moment.
    assert.ok(new Set(readers.map(({ farewells }) => farewells[0]?.retry)).size > 1)
    assert.deepEqual(workers.filter(runs), [])
    assert.deepEqual(postgresProcesses(data.path), [])
  })

  it('leaves nothing behind when its main process is killed, and can be started again at once @long', async () => {
    const server = await start()
    const { ann, uri } = await follow(server)
    const { json } = await ann.post(uri, 'before')
    const workers = workersOf(server)
    server.child.kill('SIGKILL')
    await until(() => !workers.some(runs) && postgresProcesses(data.path).length === 0)
    const again = await start()
    const list = await new Program(again, ann.token).call('GET', `/api/chats/${uri}/messages/?after=${json.id - 1}`)
    assert.deepEqual(
      list.json.messages.map(({ message }: { message: string }) => message),
      ['before'],
    )
  })

  it('says that its port is taken in the words of one process, and leaves nothing behind @long', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    try {
      await assert.rejects(start({ PORT: String(port) }), error => {
        assert.ok(error instanceof Error)
        assert.match(error.message, /^It ended with 1:/)
        assert.equal(
          error.message.split('\n').at(-1),
          `Another program listens on port ${port} of 127.0.0.1 already. Choose another one with PORT.`,
        )
        return true
      })
      assert.deepEqual(postgresProcesses(data.path), [])
    } finally {
      other.close()
    }
  })

  for (const count of ['0', 'x']) {
    it(`is refused as WEB_CONCURRENCY=${count}, with a sentence`, async () => {
      await assert.rejects(start({ WEB_CONCURRENCY: count }), error => {
        assert.equal(
          (error as Error).message,
          'It ended with 1:\nWEB_CONCURRENCY must be a number of processes from 1 to 64.',
        )
        return true
      })
    })
  }

  /** Somebody's chat, with readers of it. */
  async function follow(server: Running) {
    const ann = await signUpProgram(server, `ann${++accounts}`)
    const uri = await ann.startChat()
    const { json } = await ann.call('GET', `/api/chats/${uri}/messages/`)
    await openReaders(server, uri, ann, json.version, STREAMS)
    return { ann, uri }
  }

  async function openReaders(server: Running, uri: string, program: Program, after: number, count: number) {
    const more = Array.from({ length: count }, () => new StreamReader(server, uri, program, after).follow())
    readers.push(...more)
    await until(() => more.every(({ streams }) => streams > 0))
  }
})

/** The processes that the program started to serve with. */
function workersOf({ child }: Running): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      const { parent, command } = processOf(pid)
      return parent === child.pid && command.endsWith('/worker.js')
    })
    .sort((a, b) => a - b)
}

function runs(pid: number): boolean {
  return processOf(pid).command.endsWith('/worker.js')
}

function processOf(pid: number): { parent: number; command: string } {
  try {
    const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    // Node's own options may come before the script.
    const command =
      readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0')
        .find(part => part.endsWith('.js')) ?? ''
    return { parent: Number(parent), command }
  } catch {
    return { parent: 0, command: '' }
  }
}
