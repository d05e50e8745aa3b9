import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { LIMITS } from '../../src/config.js'
import { assertProblem } from '../input/answers.js'
import { withClockStopped } from '../support/clock.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { askRaw, type ChatSocket, cutStreams, fillChat, openSocket, refusedSocket } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'

describe('WebSocket /api/chats/:uri/live/', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let visitor: Visitor
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    visitor = await new Visitor(site).signUp('vic')
  })
  afterEach(cutStreams)
  after(() => site.close())

  const live = (uri: string, query = '') => `/api/chats/${uri}/live/${query}`

  describe('reading', () => {
    it('brings each event as the JSON of the list, with and without the slash', async () => {
      const uri = await ann.startChat()
      for (const path of [`/api/chats/${uri}/live/`, `/api/chats/${uri}/live`]) {
        const { version } = (await ann.call('GET', `/api/chats/${uri}/`)).json
        const socket = await openSocket(site, path, ann)
        await socket.pinged()
        await ann.post(uri, 'é😀<&>\n\u2028')
        await bob.join(uri)
        await bob.post(uri, 'by bob')
        await socket.reaches(version + 2)
        assert.deepEqual(socket.events, (await listed(uri, version)).slice(0, socket.events.length))
        assert.equal(socket.answers.length, 0)
      }
    })

    it('begins now, or after the cursor in its address', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'two')
      await ann.post(uri, 'three')
      const now = await openSocket(site, live(uri), ann)
      const later = await openSocket(site, live(uri, '?after=1'), ann)
      await Promise.all([now.pinged(), later.pinged()])
      await ann.post(uri, 'four')
      await Promise.all([now.reaches(4), later.reaches(4)])
      assert.deepEqual(now.versions, [4])
      assert.deepEqual(later.events, await listed(uri, 1))
    })

    it('replays hundreds of events in order, none twice, while posts go on', async () => {
      const uri = await ann.startChat()
      await fillChat(site, uri, 520)
      const posts = (async () => {
        for (let n = 0; n < 30; n++) {
          await ann.post(uri, `late ${n}`)
        }
      })()
      const sockets = await Promise.all([0, 0, 300].map(after => openSocket(site, live(uri, `?after=${after}`), ann)))
      await posts
      const all = await listed(uri, 0)
      assert.equal(all.length, 551)
      for (const [n, socket] of sockets.entries()) {
        await socket.reaches(551)
        assert.deepEqual(socket.events, all.slice(n === 2 ? 300 : 0))
      }
    })

    it('answers a ping, and pings', async () => {
      const socket = await openSocket(site, live(await ann.startChat()), ann)
      await socket.pinged()
      const pong = once(socket.wire, 'pong')
      socket.wire.ping('are you there?')
      assert.equal(String((await pong)[0]), 'are you there?')
    })

    it('says goodbye to whoever does', async () => {
      const socket = await openSocket(site, live(await ann.startChat()), ann)
      socket.wire.close(1000)
      assert.equal((await socket.closed()).code, 1000)
    })
  })

  describe('posting', () => {
    it('answers as POST does, with the key, and everyone gets the message', async () => {
      const uri = await ann.startChat()
      await bob.join(uri)
      const [socket, other] = [await openSocket(site, live(uri), ann), await openSocket(site, live(uri), bob)]
      await Promise.all([socket.pinged(), other.pinged()])
      const { key, ...answer } = await socket.ask({ message: ' é😀 <b>\r\nthere ', key: 'k1' })
      assert.equal(key, 'k1')
      const posted = await ann.post(uri, ' é😀 <b>\nthere ', { 'idempotency-key': 'k1' })
      assert.equal(posted.status, 200)
      assert.deepEqual(answer, posted.json)
      assert.equal(answer.status, 'SUCCESS')
      assert.equal(answer.message, ' é😀 <b>\nthere')
      assert.equal(answer.version, 3)
      for (const reader of [socket, other]) {
        assert.deepEqual(await reader.next(), (await listed(uri, 2))[0])
      }
    })

    it('stores once what is sent again with its key, and answers the same', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      const first = await socket.ask({ message: 'once', key: 'k' })
      assert.deepEqual(await socket.ask({ message: 'once', key: 'k' }), first)
      assert.deepEqual(await texts(uri), ['once'])
    })

    it('needs no key, and stores twice then', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      const first = await socket.ask({ message: 'same' })
      assert.ok(!('key' in first))
      await socket.ask({ message: 'same' })
      assert.deepEqual(await texts(uri), ['same', 'same'])
    })

    it('refuses with 422, the field and the key what POST refuses, and stays open', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      await socket.ask({ message: 'first', key: 'used' })
      const wrong: [sent: Record<string, unknown>, field: string][] = [
        [{ message: '' }, 'message'],
        [{ message: ' \n\t' }, 'message'],
        [{}, 'message'],
        [{ message: null }, 'message'],
        [{ message: 5 }, 'message'],
        [{ message: ['x'] }, 'message'],
        [{ message: { text: 'x' } }, 'message'],
        [{ message: 'a\0b' }, 'message'],
        [{ message: 'a\ud800b' }, 'message'],
        [{ message: '😀'.repeat(LIMITS.messageCodePoints + 1) }, 'message'],
        [{ message: 'another', key: 'used' }, 'key'],
        [{ message: 'x', key: 'k'.repeat(LIMITS.keyLength + 1) }, 'key'],
        [{ message: 'x', key: 7 }, 'key'],
      ]
      for (const [sent, field] of wrong) {
        const refused = await socket.ask(sent)
        const { key, ...problem } = refused
        const posted = await ann.call('POST', `/api/chats/${uri}/messages/`, sent)
        assert.deepEqual(problem, posted.json, JSON.stringify(sent).slice(0, 80))
        assert.equal(problem.status, 422)
        assert.equal(problem.errors[field].length, 1)
        assert.deepEqual(key, sent.key)
      }
      assert.equal((await socket.ask({ message: '😀'.repeat(LIMITS.messageCodePoints) })).status, 'SUCCESS')
      assert.equal((await texts(uri)).length, 2)
    })

    it('refuses with 400 what is no JSON object, and stays open', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      for (const sent of [
        '',
        'hello',
        '{"message":',
        '["message"]',
        '"x"',
        'null',
        '5',
        '{"__proto__":{"message":"x"}}',
      ]) {
        const refused = await socket.ask(sent)
        assert.equal(refused.status, 400, sent)
        for (const member of ['type', 'title', 'detail']) {
          assert.ok(typeof refused[member] === 'string' && refused[member] !== '', member)
        }
      }
      assert.equal((await socket.ask(Buffer.from('{"message":"\xff\xfe"}', 'latin1'))).status, 400)
      assert.equal((await socket.ask({ message: 'still here' })).status, 'SUCCESS')
      assert.deepEqual(await texts(uri), ['still here'])
    })

    it('closes on text that is no UTF-8', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      socket.wire.send(Buffer.from('{"message":"\xff"}', 'latin1'), { binary: false })
      // RFC 6455, section 8.1.
      assert.equal((await socket.closed()).code, 1007)
      assert.deepEqual(await texts(uri), [])
    })

    it('closes on more than 64 KiB, in one frame or in many', async () => {
      const uri = await ann.startChat()
      const large = JSON.stringify({ message: 'x', filler: 'y'.repeat(64 * 1024) })
      const whole = await openSocket(site, live(uri), ann)
      whole.send(large)
      assert.equal((await whole.closed()).code, 1009)
      const pieces = await openSocket(site, live(uri), ann)
      pieces.wire.on('error', () => {})
      for (let at = 0; at < large.length; at += 1000) {
        pieces.wire.send(large.slice(at, at + 1000), { fin: at + 1000 >= large.length })
      }
      assert.equal((await pieces.closed()).code, 1009)
      assert.deepEqual(await texts(uri), [])
      const fits = await openSocket(site, live(uri), ann)
      assert.equal((await fits.ask({ message: 'x', filler: 'y'.repeat(63 * 1024) })).status, 'SUCCESS')
    })

    it('keeps the order of what is sent at once, and answers in it', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      const sent = Array.from({ length: 200 }, (_, n) => `m${n}`)
      for (const [n, message] of sent.entries()) {
        socket.send(n % 10 === 9 ? { message: '', key: message } : { message, key: message })
      }
      const answers = await socket.answered(sent.length)
      assert.deepEqual(
        answers.map(({ key }) => key),
        sent,
      )
      const stored = sent.filter((_, n) => n % 10 !== 9)
      assert.deepEqual(await texts(uri), stored)
      await socket.reaches(stored.length + 1)
      assert.deepEqual(
        socket.events.map(({ message }) => message),
        stored,
      )
    })

    it('is over when the WebSocket is: nothing is stored twice', async () => {
      const uri = await ann.startChat()
      const socket = await openSocket(site, live(uri), ann)
      for (let n = 0; n < 50; n++) {
        socket.send({ message: `m${n}`, key: `k${n}` })
      }
      await socket.answered(1)
      socket.cut()
      const again = await openSocket(site, live(uri), ann)
      for (let n = 0; n < 50; n++) {
        assert.equal((await again.ask({ message: `m${n}`, key: `k${n}` })).status, 'SUCCESS')
      }
      assert.deepEqual((await texts(uri)).toSorted(), Array.from({ length: 50 }, (_, n) => `m${n}`).toSorted())
    })
  })

  describe('the handshake', () => {
    let uri: string
    before(async () => {
      uri = await visitor.startChat()
      await ann.join(uri)
    })
    const host = () => site.url.replace(/^http/, 'http')

    it('takes a token without an Origin, by any page’s, and by either scheme', async () => {
      for (const headers of [
        {},
        { origin: 'https://app.example.org' },
        { authorization: `bearer ${ann.token}` },
      ] as Record<string, string>[]) {
        const socket = await openSocket(site, live(uri), ann, headers)
        assert.equal((await socket.ask({ message: 'hello' })).status, 'SUCCESS')
      }
    })

    it('takes a cookie with the Origin of this site alone', async () => {
      const socket = await openSocket(site, live(uri), visitor, { origin: host() })
      assert.equal((await socket.ask({ message: 'hello' })).user.username, 'vic')
      const page = await openSocket(site, `/chats/${uri}/live`, visitor, {
        origin: host(),
        'sec-fetch-site': 'same-origin',
      })
      assert.equal((await page.ask({ message: 'hello' })).status, 'SUCCESS')
      for (const headers of [
        {},
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${host()}.evil.example` },
        { origin: host().replace('127.0.0.1', 'localhost') },
        { origin: host(), 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-origin' },
      ] as Record<string, string>[]) {
        const refused = await refusedSocket(site, live(uri), visitor, headers)
        assert.equal(refused.status, 403, JSON.stringify(headers))
        assertProblem(refused, 403)
      }
    })

    it('lets no cookie in beside an Authorization header', async () => {
      const headers = { authorization: 'Token nonsense', origin: host() }
      assert.equal((await refusedSocket(site, live(uri), visitor, headers)).status, 401)
    })

    it('is refused as any request is', async () => {
      const anyone = await refusedSocket(site, live(uri), undefined)
      assert.equal(anyone.status, 401)
      assertProblem(anyone, 401)
      assert.equal(anyone.headers.get('www-authenticate'), 'Token')
      const [stranger, unknown] = [
        await refusedSocket(site, live(uri), bob),
        await refusedSocket(site, live(UNKNOWN), bob),
      ]
      assert.equal(stranger.status, 404)
      assertProblem(stranger, 404)
      assert.equal(stranger.text, unknown.text)
      const ahead = await refusedSocket(site, live(uri, '?after=99999'), ann)
      assertProblem(ahead, 410)
      assert.equal(ahead.status, 410)
      assert.equal(ahead.json.version, (await ann.call('GET', `/api/chats/${uri}/`)).json.version)
      const wrong = await refusedSocket(site, live(uri, '?after=x'), ann)
      assert.equal(wrong.status, 422)
      assertProblem(wrong, 422)
      for (const { headers } of [anyone, stranger, ahead, wrong]) {
        assert.match(headers.get('cache-control') ?? '', /no-store/)
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
      }
    })

    it('is refused with 404 or 405 where there is no stream', async () => {
      assert.equal((await refusedSocket(site, `/api/chats/${uri}/nowhere`, ann)).status, 404)
      // An ordinary answer: nothing there goes on as a WebSocket.
      assert.equal((await refusedSocket(site, `/api/chats/${uri}/messages/`, ann)).status, 200)
      assert.equal((await refusedSocket(site, '/up', ann)).status, 200)
    })

    it('that is at fault is answered with 400', async () => {
      for (const headers of [
        { 'Sec-WebSocket-Version': '13' },
        { 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'short' },
        { 'Sec-WebSocket-Version': '99', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
      ] as Record<string, string>[]) {
        const answer = await askRaw(site, upgrade('GET', live(uri), { Upgrade: 'websocket', ...headers }))
        assert.match(answer, /^HTTP\/1\.1 400 /)
      }
    })

    it('for another protocol is no handshake: the answer is the ordinary one, complete', async () => {
      const answer = await askRaw(site, upgrade('GET', `/api/chats/${uri}/messages/?after=0`, { Upgrade: 'h2c' }))
      assert.match(answer, /^HTTP\/1\.1 200 /)
      assert.match(answer, /\r\nX-Content-Type-Options: nosniff\r\n/i)
      const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
      const plain = await ann.call('GET', `/api/chats/${uri}/messages/?after=0`)
      assert.deepEqual(JSON.parse(body), plain.json)
      assert.match(await askRaw(site, upgrade('GET', '/nowhere', { Upgrade: 'h2c' })), /^HTTP\/1\.1 404 /)
    })

    it('by POST is no handshake either: the message is posted', async () => {
      for (const protocol of ['websocket', 'h2c']) {
        const body = `{"message":"${protocol}"}`
        const headers = { Upgrade: protocol, 'Content-Type': 'application/json', 'Content-Length': String(body.length) }
        const answer = await askRaw(site, upgrade('POST', `/api/chats/${uri}/messages/`, headers) + body)
        assert.match(answer, /^HTTP\/1\.1 201 /)
      }
      assert.deepEqual((await texts(uri)).slice(-2), ['websocket', 'h2c'])
    })

    function upgrade(method: string, path: string, headers: Record<string, string>) {
      const lines = Object.entries({
        Host: 'chat',
        Authorization: `Token ${ann.token}`,
        Connection: 'Upgrade',
        ...headers,
      })
      return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    }
  })

  it('takes no post of a session that has ended from a client that does not hear of its end', async () => {
    const browser = await new Visitor(site).signUp('deaf')
    const uri = await browser.startChat()
    const socket = await openSocket(site, live(uri), browser, { origin: site.url })
    await socket.pinged()
    assert.equal((await socket.ask({ message: 'in time' })).status, 'SUCCESS')
    await ann.call('PATCH', `/api/chats/${uri}/`, {})
    socket.pause()
    assert.equal((await browser.post('/logout')).status, 303)
    await until(() => site.live.streams.size === 0)
    socket.send({ message: 'too late' })
    // What is sent before the goodbye is answered is read before that.
    socket.resume()
    await socket.closed()
    assert.deepEqual(await texts(uri), ['in time'])
  })

  async function listed(uri: string, after: number) {
    return (await ann.call('GET', `/api/chats/${uri}/messages/?after=${after}&limit=1000`)).json.messages
  }

  async function texts(uri: string): Promise<string[]> {
    const { messages } = (await ann.call('GET', `/api/chats/${uri}/messages/?limit=1000`)).json
    return messages.map((item: { message: string }) => item.message)
  }
})

describe('WebSocket with rate limits', () => {
  let site: Site
  before(async () => {
    site = await openSite({ LIMITS: 'on' })
  })
  afterEach(cutStreams)
  after(() => site.close())

  it('answers 429 with the key once the posts come too fast, by whichever way they come', () =>
    withClockStopped(async () => {
      const fay = await signUpProgram(site, 'fay')
      const uri = await fay.startChat()
      const sockets: ChatSocket[] = []
      for (let n = 0; n < 2; n++) {
        sockets.push(await openSocket(site, `/api/chats/${uri}/live/`, fay))
      }
      for (let n = 0; n < LIMITS.posts.burst; n++) {
        sockets[n % 2]?.send({ message: `m${n}`, key: `k${n}` })
        sockets[n % 2]?.send({ message: `n${n}`, key: `l${n}` })
      }
      const answers = (await Promise.all(sockets.map(socket => socket.answered(LIMITS.posts.burst)))).flat()
      const refused = answers.filter(({ status }) => status === 429)
      assert.equal(refused.length, LIMITS.posts.burst)
      assert.ok(refused.every(({ key, detail }) => key !== undefined && detail !== ''))
      assert.equal((await fay.post(uri, 'by POST')).status, 429)
      const { messages } = (await fay.call('GET', `/api/chats/${uri}/messages/`)).json
      assert.equal(messages.length, answers.length - refused.length)
    }))
})
