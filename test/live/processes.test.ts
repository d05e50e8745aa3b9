import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Broker, openBroker, skipWithoutBroker } from '../support/broker.js'
import { createDatabase, databaseUrl, dropDatabase } from '../support/databases.js'
import { eventsIn, PollReader, postSurely, type Seen, StreamReader, versionOf } from '../support/readers.js'
import { type Running, startServer, until } from '../support/server.js'
import { type Program, signUpProgram } from '../support/visitor.js'
import { hearsByBus, openWire } from '../support/wire.js'

const WRITERS = 6
const READERS = 3
/** Posts between two strokes of fate. */
const STRETCH = 100

describe('two processes on one database', () => {
  let address: Awaited<ReturnType<typeof createDatabase>>
  let client: pg.Client
  const running = new Set<Running>()

  let broker: Broker | undefined

  after(() => broker?.close())
  beforeEach(async () => {
    address = await createDatabase()
    client = new pg.Client(address)
    await client.connect()
  })
  afterEach(async () => {
    for (const { child, ended } of running) {
      child.kill('SIGKILL')
      await ended
    }
    running.clear()
    await client.end()
    await dropDatabase(address.database)
  })

  /** Of BUS, for all that is carried by RabbitMQ; skips the test where there is none. */
  async function byBroker(test: Mocha.Context): Promise<string> {
    skipWithoutBroker.call(test)
    broker ??= await openBroker()
    return broker.url
  }

  async function start(env: Record<string, string>) {
    const server = await startServer({ DATABASE_URL: databaseUrl(address), LOG_LEVEL: 'debug', ...env })
    running.add(server)
    return server
  }

  const kinds: [string, Record<string, string>, boolean][] = [
    ['', {}, false],
    [', with BUS=off @long', { BUS: 'off' }, false],
    [', while the listeners are cut off every second @long', {}, true],
    [', with hints by RabbitMQ @long', { BUS: 'amqp' }, false],
  ]
  for (const [circumstances, given, cutsListeners] of kinds) {
    it(`show every reader every message once, in order, while one is killed and the other stopped${circumstances} @long`, async function () {
      const env = given.BUS === 'amqp' ? { BUS: await byBroker(this) } : given
      const servers = await Promise.all([start(env), start(env)])
      const writers = await signUp(servers[0], WRITERS)
      const [first] = writers as [Program]
      const uri = await first.startChat()
      for (const writer of writers) {
        await writer.join(uri)
      }
      const begin = await versionOf(client, uri)
      const readers = servers.flatMap(({ url }) =>
        Array.from({ length: READERS }, (_, n) => [
          new StreamReader({ url }, uri, writers[n % WRITERS] as Program, begin).follow(),
          new PollReader({ url }, uri, writers[n % WRITERS] as Program, begin).follow(),
        ]).flat(),
      )
      const cutting = cutsListeners ? cutListeners() : undefined
      const acknowledged: { version: number; message: string }[] = []
      let writing = true
      const written = Promise.all(
        writers.map(async (writer, n) => {
          // Each begins at one of the two, and turns to the other wherever the outcome is unknown.
          const order = n % 2 === 0 ? servers : servers.toReversed()
          for (let count = 0; writing; count++) {
            const message = `${n}:${count}`
            const { version } = await postSurely(order, uri, writer, message)
            acknowledged.push({ version, message })
            await wait(Math.random() * 20)
          }
        }),
      )
      const stretch = () => {
        const enough = acknowledged.length + STRETCH
        return until(() => acknowledged.length >= enough)
      }

      await stretch()
      servers[0].child.kill('SIGKILL')
      assert.equal(await servers[0].ended, 'SIGKILL')
      await start({ ...env, PORT: new URL(servers[0].url).port })
      await stretch()
      servers[1].child.kill('SIGTERM')
      assert.equal(await servers[1].ended, 0, servers[1].lines.join('\n'))
      await start({ ...env, PORT: new URL(servers[1].url).port })
      await stretch()
      // However fast the posts went.
      await until(() => !cutting || cutting.cut >= 3)
      writing = false
      await written
      cutting?.stop()

      const kept = await eventsIn(client, uri, begin)
      assert.deepEqual(
        kept.map(({ version, message }) => ({ version, message })),
        acknowledged.sort((a, b) => a.version - b.version),
        'what was acknowledged, and what is in the database',
      )
      for (const reader of readers) {
        await reader.reached(kept.at(-1)?.version ?? 0)
        await reader.stop()
        assert.equal(reader.refused, undefined)
        assertSame(reader.seen, kept, reader.constructor.name)
      }
      // Each process went once, and took its streams with it. They end otherwise only where a process stood still and had no answer.
      const stoodStill = [...running].some(({ lines }) =>
        lines.some(line => line.includes('Asking what is new failed')),
      )
      const isOften = (times: number, expected: number) => (stoodStill ? times >= expected : times === expected)
      const streams = readers.filter(reader => reader instanceof StreamReader)
      for (const { streams: opened } of streams) {
        assert.ok(isOften(opened, 2), `a reader opened ${opened} streams`)
      }
      for (const { farewells } of streams.slice(READERS)) {
        assert.ok(isOften(farewells.length, 1), `a reader was sent away ${farewells.length} times`)
        for (const { event, retry } of farewells) {
          assert.equal(event, 'restart')
          assert.ok(retry >= 1000 && retry <= 8000, `retry: ${retry}`)
        }
      }
    })
  }

  it('tell each other of new messages by the bus @long', async () => {
    const wire = await openWire(address)
    try {
      const conversation = await converse({}, databaseUrl(wire.address))
      await printDelays('by the bus', conversation)
      const { one, uri, writer, reader } = conversation
      let count = 0
      await hearsByBus(wire, reader, () => postSurely([one], uri, writer, `by the bus ${count++}`))
      await reader.stop()
    } finally {
      await wire.close()
    }
  })

  it('tell each other by RabbitMQ @long', async function () {
    const conversation = await converse({ BUS: await byBroker(this) })
    await printDelays('by RabbitMQ', conversation)
    await conversation.reader.stop()
  })

  it('find out by themselves with BUS=off @long', async () => {
    const conversation = await converse({ BUS: 'off' })
    // 3 s are promised.
    await printDelays('BUS=off', conversation)
    await conversation.reader.stop()
  })

  /** Somebody who writes at one process, and a reader at the other. */
  async function converse(env: Record<string, string>, wayOfOther = databaseUrl(address)) {
    const [one, other] = await Promise.all([start(env), start({ ...env, DATABASE_URL: wayOfOther })])
    const [writer] = (await signUp(one, 1)) as [Program]
    const uri = await writer.startChat()
    const reader = new StreamReader(other, uri, writer, await versionOf(client, uri)).follow()
    await until(() => reader.streams === 1)
    return { one, writer, uri, reader }
  }

  /** From each post at one process, sent, to its arrival at the reader of the other. */
  async function printDelays(how: string, { writer, uri, reader }: Awaited<ReturnType<typeof converse>>) {
    const before = reader.cursor
    const sentAt: number[] = []
    const posts = 20
    for (let n = 0; n < posts; n++) {
      sentAt.push(performance.now())
      await writer.post(uri, `m${n}`)
      // At no time that has to do with what sweeps.
      await wait(Math.random() * 150)
    }
    await reader.reached(before + posts)
    const delays = reader.times.map((time, n) => time - (sentAt[n] ?? 0))
    console.log(
      `      from process to process, ${how}: median ${middle(delays).toFixed(0)} ms,`,
      `at most ${Math.max(...delays).toFixed(0)} ms`,
    )
  }

  /** Ends the connection of each process's bus, once a second. */
  function cutListeners() {
    const cutting = { cut: 0, stop: () => clearInterval(timer) }
    const timer = setInterval(async () => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'chatire bus' and datname = current_database()`,
      )
      cutting.cut += rowCount ?? 0
    }, 1000)
    return cutting
  }
})

async function signUp(server: Running, count: number): Promise<Program[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => signUpProgram(server, `user${n}`)))
}

/** As deepEqual, but says what is wrong in a line: the lists are long. */
function assertSame(seen: readonly Seen[], kept: readonly Seen[], who: string) {
  const wrong = kept.findIndex((event, n) => JSON.stringify(seen[n]) !== JSON.stringify(event))
  assert.ok(
    wrong < 0,
    `${who} got ${JSON.stringify(seen[wrong])} where the database has ${JSON.stringify(kept[wrong])}`,
  )
  assert.equal(seen.length, kept.length, who)
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
