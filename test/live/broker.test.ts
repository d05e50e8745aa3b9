import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type Broker, openBroker, skipWithoutBroker } from '../support/broker.js'
import { databaseUrl } from '../support/databases.js'
import { freePort } from '../support/programs.js'
import { eventsIn, postSurely, StreamReader, versionOf } from '../support/readers.js'
import { type Running, startServer, until } from '../support/server.js'
import { openSite } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'
import { hearsByBus, openWire } from '../support/wire.js'

describe('hints by RabbitMQ', () => {
  let broker: Broker
  const closing: (() => unknown)[] = []

  before(async function () {
    skipWithoutBroker.call(this)
    broker = await openBroker()
  })
  after(() => broker?.close())
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
  })

  /** Two processes on one database, by the broker or what BUS names, and somebody who reads at the one what is written at the other. */
  async function converse(BUS = broker.url) {
    const near = await openSite({ BUS })
    closing.push(() => near.close())
    const wire = await openWire(near.address as Parameters<typeof openWire>[0])
    closing.push(() => wire.close())
    const far = await openSite({ BUS }, { address: wire.address })
    closing.push(() => far.close())
    const ann = await signUpProgram(near, 'ann')
    const uri = await ann.startChat()
    const begin = await versionOf(near.pool, uri)
    const reader = new StreamReader(far, uri, ann, begin).follow()
    closing.push(() => reader.stop())
    await until(() => reader.streams === 1)
    const sites = [near, far]
    const areUp = () => sites.every(({ live }) => live.measured().bus.isUp)
    return { near, far, wire, ann, uri, begin, reader, sites, areUp }
  }

  it('come from process to process, and not back to who sent them', async () => {
    const { near, far, wire, ann, uri, reader, areUp } = await converse()
    await until(areUp)
    assert.equal(near.live.measured().bus.name, 'rabbitmq')
    await hearsByBus(wire, reader, () => postSurely([near], uri, ann, 'by the broker'))
    const { hints } = near.live.measured().bus
    assert.ok((hints.get('sent') ?? 0) > 0)
    assert.equal(hints.get('received') ?? 0, 0)
    assert.ok((far.live.measured().bus.hints.get('received') ?? 0) > 0)
    for (const { log } of [near, far]) {
      assert.deepEqual(aboutBroker(log), [])
    }
  })

  it('of one site do not come to another that shares the broker @long', async () => {
    const { near, ann, uri, areUp } = await converse()
    const { far, areUp: othersAreUp } = await converse()
    await until(() => areUp() && othersAreUp())
    const received = far.live.measured().bus.hints.get('received') ?? 0
    await postSurely([near], uri, ann, 'for our site alone')
    const queues = await broker.control('list_exchanges', 'name', 'type')
    assert.equal(queues.match(/^chatire-\S{16}\tfanout$/gm)?.length, 2, queues)
    assert.equal(far.live.measured().bus.hints.get('received') ?? 0, received)
  })

  it('leave nothing behind at the broker @long', async () => {
    const { areUp } = await converse()
    await until(areUp)
    const queues = await broker.control('list_queues', 'name', 'arguments', 'exclusive', 'auto_delete', 'durable')
    assert.equal(queues.match(/^amq\.gen/gm)?.length, 2, queues)
    for (const line of queues.split('\n').filter(line => line.startsWith('amq.gen'))) {
      assert.match(line, /"x-message-ttl",\s*2000/)
      assert.match(line, /"x-max-length",\s*1000/)
      assert.match(line, /\ttrue\ttrue\tfalse$/)
    }
    for (const close of closing.splice(0).reverse()) {
      await close()
    }
    await until(async () => {
      const left = await broker.control('list_exchanges', 'name')
      return !/chatire-/.test(left) && !/amq\.gen/.test(await broker.control('list_queues', 'name'))
    })
  })

  describe('by TLS', () => {
    const running: Running[] = []
    afterEach(async () => {
      for (const { child, ended } of running.splice(0)) {
        child.kill('SIGTERM')
        await ended
      }
    })

    /** A process that trusts the broker's certificate, beside a site that comes without TLS. */
    async function converseSecurely(host: string) {
      const near = await openSite({ BUS: broker.url })
      closing.push(() => near.close())
      const far = await startServer({
        DATABASE_URL: databaseUrl(near.address as Parameters<typeof databaseUrl>[0]),
        BUS: broker.secureUrlAt(host),
        NODE_EXTRA_CA_CERTS: broker.certificate,
      })
      running.push(far)
      const ann = await signUpProgram(near, 'ann')
      const uri = await ann.startChat()
      const reader = new StreamReader(far, uri, ann, await versionOf(near.pool, uri)).follow()
      closing.push(() => reader.stop())
      await until(() => reader.streams === 1)
      return { near, far, ann, uri, reader }
    }
    const said = ({ lines }: Running) => lines.filter(line => line.includes('RabbitMQ'))

    it('come where its certificate is trusted @long', async () => {
      const { near, far, ann, uri } = await converseSecurely('localhost')
      const received = () => near.live.measured().bus.hints.get('received') ?? 0
      // What is posted before both have connected is not told.
      await until(async () => {
        await postSurely([far], uri, ann, randomUUID())
        return received() > 0
      })
      assert.deepEqual(said(far), [])
    })

    it('do not come where its certificate is one for another name: the log says so once, and the chat goes on @long', async () => {
      const { near, far, ann, uri, reader } = await converseSecurely('127.0.0.1')
      await until(() => said(far).length > 0)
      assert.match(said(far)[0] ?? '', /does not match certificate's altnames/)
      const { version } = await postSurely([near], uri, ann, 'by the sweep')
      await reader.reached(version)
      assert.equal(said(far).length, 1)
    })
  })

  /** Each with what happens to the broker, and what puts it right. */
  const FAULTS: [string, () => unknown, () => unknown][] = [
    ['killed, and started again', () => broker.kill(), () => broker.start()],
    ['paused', () => broker.pause(), () => broker.resume()],
    ['full', () => broker.fill(true), () => broker.fill(false)],
  ]
  for (const [what, begin, end] of FAULTS) {
    it(`lose nothing while the broker is ${what}, and come again afterwards @long`, async () => {
      const { near, far, wire, ann, uri, begin: before, reader, sites, areUp } = await converse()
      await until(areUp)
      const sentAt = new Map<number, number>()
      let writing = true
      const written = (async () => {
        for (let n = 0; writing; n++) {
          const sent = performance.now()
          const { version } = await postSurely([near], uri, ann, `${n}`)
          sentAt.set(version, sent)
          await wait(Math.random() * 100)
        }
      })()
      const posts = async (count: number) => {
        const enough = sentAt.size + count
        await until(() => sentAt.size >= enough)
      }
      await posts(10)
      await begin()
      // A broker that is silent is noticed after 8 s, one that is full when the next text comes.
      await until(() => !near.live.measured().bus.isUp)
      await posts(20)
      await end()
      await until(areUp)
      await posts(10)
      writing = false
      await written
      await reader.reached(Math.max(...sentAt.keys()))
      assert.deepEqual(reader.seen, await eventsIn(near.pool, uri, before))
      const late = reader.seen.map(({ version }, n) => (reader.times[n] ?? 0) - (sentAt.get(version) ?? Infinity))
      // 1.5 s are promised.
      console.log(`      at most ${Math.round(Math.max(...late))} ms late`)
      await hearsByBus(wire, reader, () => postSurely([near], uri, ann, 'afterwards'))
      await until(() => sites.every(({ log }) => isOver(log) || aboutBroker(log).length === 0))
      const [first, ...rest] = aboutBroker(near.log)
      assert.match(first ?? '', /^RabbitMQ brings no hints from process to process: .* It says: \S/)
      assert.equal(rest.length, 1, rest.join('\n'))
      assert.match(rest[0] ?? '', /^The outage of RabbitMQ is over after \d+ s/)
      assert.ok(!far.log.some(line => line.includes('The database fails')))
    })
  }

  describe('where BUS names', () => {
    before(async () => {
      await broker.control('add_user', 'secretive', 'pass%word')
      await broker.control('add_vhost', 'elsewhere')
      await broker.control('set_permissions', '-p', 'elsewhere', 'secretive', '^$', '^$', '^$')
      await broker.control('add_vhost', 'silent')
      await broker.control('set_permissions', '-p', 'silent', 'secretive', '.*', 'amq.gen', '.*')
      await broker.control('add_vhost', 'ours')
      const OURS = '^(chatire-|amq\\.gen-)'
      await broker.control('set_permissions', '-p', 'ours', 'secretive', OURS, OURS, OURS)
    })

    /** The port of a server that does that with each connection. */
    async function serve(take: (socket: Socket) => void): Promise<string> {
      const server: Server = createServer(socket => {
        socket.on('error', () => {})
        take(socket)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      closing.push(() => server.close())
      return `amqp://secretive:pass%25word@127.0.0.1:${(server.address() as AddressInfo).port}`
    }
    const asSecretive = (vhost: string) => broker.urlOf('secretive', 'pass%25word', vhost)

    const WRONG: [string, () => string | Promise<string>, RegExp][] = [
      ['nothing', async () => `amqp://secretive:pass%25word@127.0.0.1:${await freePort()}`, /ECONNREFUSED/],
      [
        'a user with another password @long',
        () => broker.urlOf('secretive', 'pass%25wor'),
        /ACCESS_REFUSED - Login was refused/,
      ],
      ['a vhost that does not exist @long', () => asSecretive('nowhere'), /vhost nowhere not found/],
      ['a vhost of others @long', () => asSecretive(''), /access to vhost '\/' refused/],
      ['a vhost without rights', () => asSecretive('elsewhere'), /ACCESS_REFUSED - access to exchange/],
      ['a vhost without the right to write @long', () => asSecretive('silent'), /ACCESS_REFUSED - access to exchange/],
      [
        'a broker of another version @long',
        () => serve(socket => socket.end('AMQP\0\x01\0\0')),
        /version of AMQP is not supported; the server suggests 0-1-0-0/,
      ],
      [
        'a web server @long',
        () => serve(socket => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
        /What answers there is no broker/,
      ],
      [
        'a broker whose certificate nobody vouches for @long',
        () => broker.secureUrlAt('localhost'),
        /self-signed certificate/,
      ],
      [
        'a broker’s port for TLS without it @long',
        () => broker.secureUrlAt('127.0.0.1').replace('amqps', 'amqp'),
        /speaks TLS: its URL begins with amqps|ECONNRESET/,
      ],
      [
        'a broker’s port without TLS with it @long',
        () => broker.url.replace('amqp', 'amqps'),
        /speaks no TLS, or not as this program does: \S/,
      ],
      ['a server that says nothing @long', () => serve(() => {}), /timed out/],
      ['a server that hangs up @long', () => serve(socket => socket.destroy()), /closed|ECONNRESET/],
    ]
    for (const [what, url, says] of WRONG) {
      it(`the log says so once, and the chat goes on: ${what}`, async () => {
        const { near, far, ann, uri, reader } = await converse(await url())
        await until(() => [near, far].every(({ log }) => aboutBroker(log).length > 0))
        const { version } = await postSurely([near], uri, ann, 'by the sweep')
        await reader.reached(version)
        for (const { log, live } of [near, far]) {
          const [line, ...rest] = aboutBroker(log)
          assert.match(line ?? '', says)
          assert.deepEqual(rest, [])
          assert.equal(live.measured().bus.isUp, false)
          assert.ok(!log.some(line => /pass(%|%25)wor/.test(line)), 'the password is in the log')
          assert.ok(!log.some(line => line.includes('The database fails')))
        }
      })
    }

    it('a vhost with the rights that docs/running.md names: hints come', async () => {
      const { near, wire, ann, uri, reader, areUp } = await converse(asSecretive('ours'))
      await until(areUp)
      await hearsByBus(wire, reader, () => postSurely([near], uri, ann, 'with few rights'))
      assert.deepEqual(aboutBroker(near.log), [])
    })
  })
})

/** The sentences about the broker in the log of a site. */
function aboutBroker(log: readonly string[]): string[] {
  return log
    .map(line => JSON.parse(line) as { msg: string; level: number })
    .filter(({ msg, level }) => level >= 40 && /RabbitMQ/.test(msg))
    .map(({ msg }) => msg)
}

function isOver(log: readonly string[]): boolean {
  return aboutBroker(log).some(line => line.startsWith('The outage of RabbitMQ is over'))
}
