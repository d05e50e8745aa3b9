import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { openSite, type Site } from '../support/site.js'
import {
  cutStreams,
  type Events,
  fillChat,
  openEvents,
  openFrame,
  openPageEvents,
  openSocket,
  refusedSocket,
} from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('stopping while streams are open', () => {
  let site: Site
  let ann: Program
  let uri: string
  const wires: Socket[] = []
  beforeEach(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  afterEach(async () => {
    cutStreams()
    for (const wire of wires.splice(0)) {
      // Some have ended by now, and a reset is an error for them.
      wire.on('error', () => {})
      wire.resetAndDestroy()
    }
    await site.close()
  })

  it('says goodbye to each kind, and when to come back', async () => {
    const events = await Promise.all(
      Array.from({ length: 20 }, () => openEvents(site, `/api/chats/${uri}/live/?after=0`, ann)),
    )
    const pages = await openPageEvents(site, `/chats/${uri}/live?after=0`, ann)
    const frame = await openFrame(site, `/chats/${uri}/live`, ann)
    const socket = await openSocket(site, `/api/chats/${uri}/live/?after=0`, ann)
    await Promise.all([...events, pages].map(stream => stream.reaches(1)))
    await frame.shows('id="event-1"')
    await socket.reaches(1)
    const begun = performance.now()
    const stopped = site.stop()
    for (const stream of [...events, pages]) {
      assert.equal(await stream.over(), 'end')
    }
    assert.equal(await frame.over(), 'end')
    assert.equal((await socket.closed()).code, 1012)
    await stopped
    console.log(`      after ${(performance.now() - begun).toFixed(0)} ms`)
    const retries = [...events, pages].map(farewell)
    assert.ok(
      retries.every(retry => retry >= 1000 && retry <= 8000),
      String(retries),
    )
    assert.ok(new Set(retries).size > 10, 'all come back at once')
    assert.deepEqual(events[0]?.versions, [1])
    // A program that reads events by their names takes none of it for something said in the chat.
    assert.ok(events.every(stream => stream.sent.at(-1)?.id === undefined))
  })

  it('waits for no reader who takes in nothing @long', async () => {
    await fillChat(site, uri, 800, '😀'.repeat(1990))
    const path = `/api/chats/${uri}/live/?after=0`
    const [events, socket] = [await openEvents(site, path, ann), await openSocket(site, path, ann)]
    events.pause()
    socket.pause()
    const idle = await openSocket(site, `/api/chats/${uri}/live/`, ann)
    await idle.pinged()
    idle.pause()
    await site.stop()
  })

  it('waits for no connection whose change of protocol was refused, polite or not', async () => {
    await refusedSocket(site, `/api/chats/${uri}/live/`, undefined)
    for (const allowHalfOpen of [false, true]) {
      for (const [method, path, protocol] of [
        ['GET', '/up', 'h2c'],
        ['GET', `/api/chats/${uri}/live/`, 'websocket'],
        ['POST', '/login', 'h2c'],
      ]) {
        const wire = connect({ port: port(), host: '127.0.0.1', allowHalfOpen })
        wires.push(wire)
        wire.write(
          `${method} ${path} HTTP/1.1\r\nHost: chat\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nContent-Length: 0\r\n\r\n`,
        )
        await once(wire.resume(), 'end')
      }
    }
    await site.stop()
  })

  it('lets no new stream in meanwhile, and answers what was under way', async () => {
    const credential = `Host: chat\r\nAuthorization: Token ${ann.token}\r\n`
    // Have begun, so that their connections are not closed as those that only wait.
    const stream = begin(`GET /api/chats/${uri}/live/ HTTP/1.1\r\n${credential}`)
    const post = begin(
      `POST /api/chats/${uri}/messages/ HTTP/1.1\r\n${credential}Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"mes`,
    )
    const probe = begin('GET /ready HTTP/1.1\r\nHost: chat\r\n')
    const open = await openEvents(site, `/api/chats/${uri}/live/?after=0`, ann)
    await open.reaches(1)
    const stopped = site.stop()
    assert.equal(await open.over(), 'end')
    assert.match(await stream.goOn('\r\n'), /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: \d+\r\n/)
    assert.match(await probe.goOn('\r\n'), /^HTTP\/1\.1 503 [\s\S]*about to stop/)
    assert.match(await post.goOn('sage":"kept"}\n'), /^HTTP\/1\.1 201 [\s\S]*"message":"kept"/)
    await assert.rejects(openEvents(site, `/api/chats/${uri}/live/`, ann))
    await stopped
  })

  /** A request that is written out, up to somewhere. */
  function begin(sent: string) {
    const wire = connect({ port: port(), host: '127.0.0.1' })
    wires.push(wire)
    let answer = ''
    wire.setEncoding('utf8').on('data', chunk => {
      answer += chunk
    })
    wire.write(sent)
    return {
      async goOn(rest: string) {
        wire.write(rest)
        await once(wire, 'close')
        return answer
      },
    }
  }

  const port = () => Number(new URL(site.url).port)
})

function farewell({ sent }: Events): number {
  const last = sent.at(-1)
  assert.equal(last?.event, 'restart')
  assert.notEqual(last?.data, undefined, 'a block without data is no event')
  return last?.retry ?? 0
}
