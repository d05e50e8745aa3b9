import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { LIMITS } from '../../src/config.js'
import { assertAlert, assertProblem } from '../input/answers.js'
import type { Answer } from '../support/exchange.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import {
  askRaw,
  type ChatSocket,
  cutStreams,
  FRAMED,
  type OpenAnswer,
  openEvents,
  openFrame,
  openPageEvents,
  openSocket,
  refusedSocket,
} from '../support/streams.js'
import { PASSWORD, signUpProgram, Visitor } from '../support/visitor.js'

const { perSession, perUser, perAddress } = LIMITS.streams

describe('the limits on streams', () => {
  /** Behind one proxy, so that a test can come from wherever it likes. */
  let site: Site
  before(async () => {
    site = await openSite({ LIMITS: 'on', TRUST_PROXY: '1' })
  })
  afterEach(async () => {
    cutStreams()
    await allGone()
  })
  after(() => site.close())

  const allGone = () => until(() => site.live.streams.size === 0)
  const api = (uri: string) => `/api/chats/${uri}/live/`
  const page = (uri: string) => `/chats/${uri}/live`
  const from = (address: string) => ({ 'x-forwarded-for': address })

  /** Every kind of stream that a browser opens, one after the other. */
  async function openSome(uri: string, who: Visitor, count: number): Promise<(OpenAnswer | ChatSocket)[]> {
    const opened: (OpenAnswer | ChatSocket)[] = []
    for (let n = 0; n < count; n++) {
      const kinds = [
        () => openEvents(site, api(uri), who),
        () => openPageEvents(site, page(uri), who),
        () => openFrame(site, page(uri), who),
        () => openSocket(site, api(uri), who, { origin: site.url }),
      ]
      const stream = await kinds[n % 4]?.()
      assert.ok(stream)
      assert.equal('status' in stream ? stream.status : 101, 'status' in stream ? 200 : 101)
      opened.push(stream)
    }
    return opened
  }

  async function signIn(username: string): Promise<Visitor> {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    assert.equal((await visitor.post('/login', { username, password: PASSWORD })).status, 303)
    await visitor.get('/')
    return visitor
  }

  it(`refuse a session more than ${perSession}, of whatever kind, in the form that was asked for`, async () => {
    const ann = await new Visitor(site).signUp('ann')
    const uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'to be read all the same' })
    await openSome(uri, ann, perSession)

    const events = await ann.send('GET', api(uri), undefined, { accept: 'text/event-stream' })
    assertRefused(events)
    assertProblem(events, 503)
    const socket = await refusedSocket(site, api(uri), ann, { origin: site.url })
    assertRefused(socket)
    assertProblem(socket, 503)
    const htmx = await ann.htmx('GET', page(uri), undefined, { accept: 'text/html, text/event-stream' })
    assertRefused(htmx)
    assertAlert(htmx)
    const frame = await ann.get(`${page(uri)}?inside`, FRAMED)
    assertRefused(frame)
    assert.ok(frame.text.includes('to be read all the same'))
    assert.match(frame.text, /<\/html>\s*$/)
    assert.match(frame.text, /loaded again every 10 seconds/)
    assert.match(frame.headers.get('content-security-policy') ?? '', /frame-ancestors 'self'/)

    // Everything that ends is answered as ever, and other sessions have places of their own.
    assert.equal((await ann.send('HEAD', api(uri))).status, 200)
    assert.equal((await ann.get(page(uri))).status, 200)
    assert.equal((await ann.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 200)
    await openSome(uri, await signIn('ann'), 1)
  })

  it(`refuse a user more than ${perUser}, by sessions and tokens together`, async () => {
    const program = await signUpProgram(site, 'bob')
    const uri = await program.startChat()
    const sessions = [await signIn('bob'), await signIn('bob')]
    for (const session of sessions) {
      await openSome(uri, session, perSession)
    }
    for (let n = 2 * perSession; n < perUser; n++) {
      assert.equal((await openEvents(site, api(uri), program)).status, 200, String(n))
    }
    assertRefused(await program.call('GET', api(uri)))
    assertRefused(await refusedSocket(site, api(uri), program))
    assertRefused(await (await signIn('bob')).get(`${page(uri)}?inside`, FRAMED))
    const cara = await signUpProgram(site, 'cara')
    await cara.join(uri)
    assert.equal((await openEvents(site, api(uri), cara)).status, 200)
  })

  it(`refuse an address more than ${perAddress}, whoever they are for`, async () => {
    const owner = await signUpProgram(site, 'the-owner')
    const uri = await owner.startChat()
    const here = from('10.1.1.1')
    for (let n = 0; n < perAddress / perUser; n++) {
      const member = await signUpProgram(site, `member-${n}`)
      await member.join(uri)
      const streams = await Promise.all(Array.from({ length: perUser }, () => openEvents(site, api(uri), member, here)))
      assert.ok(streams.every(({ status }) => status === 200))
    }
    assertRefused(await owner.call('GET', api(uri), undefined, here))
    assertRefused(await refusedSocket(site, api(uri), owner, here))
    assert.equal((await openEvents(site, api(uri), owner, from('10.1.1.2'))).status, 200)
  })

  describe('give back the place of a stream', () => {
    let uri: string
    let dan: Visitor
    let port: number
    before(async () => {
      dan = await new Visitor(site).signUp('dan')
      uri = await dan.startChat()
      port = Number(new URL(site.url).port)
    })

    it('whose reader closes it', async () => {
      for (const stream of await openSome(uri, dan, perSession)) {
        if ('wire' in stream) {
          stream.wire.close()
        } else {
          stream.close()
        }
      }
      await allGone()
      await openSome(uri, dan, perSession)
      assertRefused(await dan.get(`${page(uri)}?inside`, FRAMED))
    })

    it('whose reader vanishes', async () => {
      for (const stream of await openSome(uri, dan, perSession)) {
        stream.cut()
      }
      await allGone()
      await openSome(uri, dan, perSession)
      assertRefused(await dan.get(`${page(uri)}?inside`, FRAMED))
    })

    it('whose reader is gone before it has opened', async () => {
      for (let n = 0; n < 3 * perSession; n++) {
        const wire = connect({ port, host: '127.0.0.1' })
        await once(wire, 'connect')
        const upgrade = n % 2 ? 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' : ''
        const key = n % 2 ? `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n` : ''
        wire.write(
          `GET ${api(uri)} HTTP/1.1\r\nHost: ${new URL(site.url).host}\r\nOrigin: ${site.url}\r\nCookie: sid=${dan.cookies.get('sid')}\r\n${upgrade}${key}\r\n`,
          () => wire.resetAndDestroy(),
        )
        await once(wire, 'close')
      }
      // What was sent before has been read when this is answered.
      await dan.get('/')
      await allGone()
      await openSome(uri, dan, perSession)
      assertRefused(await dan.get(`${page(uri)}?inside`, FRAMED))
    })

    it('whose handshake is at fault', async () => {
      for (let n = 0; n < 2 * perSession; n++) {
        const answer = await askRaw(
          site,
          `GET ${api(uri)} HTTP/1.1\r\nHost: ${new URL(site.url).host}\r\nOrigin: ${site.url}\r\nCookie: sid=${dan.cookies.get('sid')}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        )
        assert.match(answer, /^HTTP\/1\.1 400 /, String(n))
      }
      await openSome(uri, dan, perSession)
      assertRefused(await dan.get(`${page(uri)}?inside`, FRAMED))
    })

    it('that was refused for another reason, or asked for by HEAD', async () => {
      for (let n = 0; n < 2 * perSession; n++) {
        assert.equal((await dan.send('GET', `${api(uri)}?after=x`)).status, 422)
        assert.equal((await dan.send('HEAD', api(uri))).status, 200)
        assert.equal((await dan.send('HEAD', page(uri), undefined, FRAMED)).status, 200)
        assert.equal((await refusedSocket(site, api(uri), dan)).status, 403)
      }
      await openSome(uri, dan, perSession)
      assertRefused(await dan.get(`${page(uri)}?inside`, FRAMED))
    })
  })
})

function assertRefused({ status, headers, text }: Answer) {
  assert.equal(status, 503)
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.equal(headers.get('location'), null)
  assert.notEqual(text, '')
}
