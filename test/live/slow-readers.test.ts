import assert from 'node:assert/strict'
import { connect as connectWire } from 'node:net'
import { connect } from '../../src/db/connection.js'
import { createDatabase, databaseUrl } from '../support/databases.js'
import { startServer, until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import {
  ChatSocket,
  cutStreams,
  type Events,
  fillChat,
  openEvents,
  openPageEvents,
  openSocket,
} from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** As large as a message can be: four bytes each. */
const LARGE = '😀'.repeat(1990)

describe('readers who do not take in what comes', () => {
  let site: Site
  let ann: Program
  /** Has stopped in the middle of a long replay. */
  let stalled: Events
  let stalledAt: number
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    const long = await ann.startChat()
    await fillChat(site, long, 1000, LARGE)
    stalled = await openEvents(site, `/api/chats/${long}/live/?after=0`, ann)
    await stalled.reaches(1)
    stalled.pause()
    stalledAt = performance.now()
  })
  after(async () => {
    cutStreams()
    await site.close()
  })

  it('are dropped, and lose nothing: they go on from their cursor; the others get everything at once @long', async () => {
    const uri = await ann.startChat()
    const api = `/api/chats/${uri}/live/`
    const attentive = await openEvents(site, `${api}?after=0`, ann)
    const slow = {
      events: await openEvents(site, `${api}?after=0`, ann),
      page: await openPageEvents(site, `/chats/${uri}/live?after=0`, ann),
      socket: await openSocket(site, `${api}?after=0`, ann),
    }
    const streams = Object.values(slow)
    for (const stream of streams) {
      await stream.reaches(1)
      stream.pause()
    }
    const before = site.live.streams.size
    let version = 1
    while (site.live.streams.size > before - streams.length) {
      assert.ok(version < 4000, 'nobody is dropped')
      const answers = await Promise.all(Array.from({ length: 20 }, () => ann.post(uri, LARGE)))
      version = Math.max(...answers.map(({ json }) => json.version))
    }
    await attentive.reaches(version)
    assert.deepEqual(attentive.versions, oneTo(version))
    assert.equal(attentive.ending, undefined)

    for (const [how, stream] of Object.entries(slow)) {
      stream.resume()
      await (stream instanceof ChatSocket ? stream.closed() : stream.over())
      const got = stream.versions
      const last = got.at(-1) ?? 0
      assert.ok(last < version, `${how}: nothing was held back`)
      const again =
        stream instanceof ChatSocket
          ? await openSocket(site, `${api}?after=${last}`, ann)
          : how === 'page'
            ? await openPageEvents(site, `/chats/${uri}/live`, ann, { 'last-event-id': String(last) })
            : await openEvents(site, api, ann, { 'last-event-id': String(last) })
      await again.reaches(version)
      assert.deepEqual([...got, ...again.versions], oneTo(version), how)
      again.cut()
    }
    attentive.cut()
  })

  it('hold up nobody by saying goodbye in the middle of a replay @long', async () => {
    // A process of its own: the fault that this is about would stop this one too.
    const address = await createDatabase()
    const server = await startServer({ DATABASE_URL: databaseUrl(address) })
    const { db } = connect(address, () => {})
    try {
      const bob = await signUpProgram(server, 'bob')
      const uri = await bob.startChat()
      for (let n = 0; n < 5; n++) {
        await fillChat({ db }, uri, 300, LARGE)
      }
      const wire = connectWire({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true })
      wire.write(
        `GET /api/chats/${uri}/live/?after=0 HTTP/1.1\r\nHost: chat\r\nAuthorization: Token ${bob.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
      )
      let ended = false
      let taken = 0
      wire.on('end', () => {
        ended = true
      })
      wire.on('data', chunk => {
        taken += chunk.length
      })
      await until(() => taken > 0)
      wire.pause()
      assert.equal((await fetch(`${server.url}/up`)).status, 200)
      // A close frame without a reason (RFC 6455, section 5.5.1), masked with zeros.
      wire.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]))
      assert.equal((await fetch(`${server.url}/up`)).status, 200)
      wire.resume()
      await until(async () => {
        const up = await fetch(`${server.url}/up`)
        return up.ok && ended
      })
      wire.destroy()
    } finally {
      server.child.kill('SIGKILL')
      await server.ended
      await db.destroy()
    }
  })

  it('are dropped in the middle of a replay too, after 10 s and not at once @long', async () => {
    await until(() => site.live.streams.size === 0)
    const after = performance.now() - stalledAt
    assert.ok(after > 5000, `after ${after} ms`)
    stalled.resume()
    await stalled.over()
    assert.ok(stalled.versions.length < 1000)
    assert.doesNotMatch(stalled.text, /^event: (gone|restart)$/m)
  })
})

const oneTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)
