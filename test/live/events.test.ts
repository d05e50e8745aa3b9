import assert from 'node:assert/strict'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import type { Answer } from '../support/exchange.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import {
  askRaw,
  cutStreams,
  type Events,
  FRAMED,
  fillChat,
  isOfChat,
  type OpenAnswer,
  openEvents,
  openFrame,
  openPageEvents,
  openRaw,
  openSocket,
  type Sent,
} from '../support/streams.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'
const ORIGIN = 'https://app.example.org'
/** What a stream of lines, of HTML or of JSON could break. */
const TRICKY = [
  'two\nlines',
  'a\n\n\nb',
  'old\r\nand\rolder line ends',
  '  kept   apart\n    by spaces',
  'id: 99\nevent: restart\ndata: no\n\nretry: 1',
  ': no comment',
  '<b>&amp;</b> </li></ul><script>alert(1)</script><hx-partial hx-target="body">',
  '"quoted" \\u00e9 \\n',
  'é😀👩‍👩‍👧 א e\u0301',
  'line\u2028and\u2029paragraph\u0085and\u000bother\u000cseparators',
  '\ufeffmark',
  '{"event":"gone"}',
]

interface Item {
  event: string
  version: number
  message: string | null
}

describe('streams of events', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let visitor: Visitor
  before(async () => {
    site = await openSite({ CORS_ORIGINS: ORIGIN })
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    visitor = await new Visitor(site).signUp('vic')
  })
  afterEach(cutStreams)
  after(() => site.close())

  const liveApi = (uri: string, query = '') => `/api/chats/${uri}/live/${query}`
  const livePage = (uri: string, query = '') => `/chats/${uri}/live${query}`

  describe('GET /api/chats/:uri/live/', () => {
    it('brings each event as id, event and data, the same JSON as the list with after, with and without the slash', async () => {
      const uri = await ann.startChat()
      for (const path of [`/api/chats/${uri}/live/`, `/api/chats/${uri}/live`]) {
        const { version } = (await ann.call('GET', `/api/chats/${uri}/`)).json
        const stream = await openEvents(site, path, ann)
        await connected(stream)
        await ann.post(uri, 'hello')
        await ann.post(uri, 'again')
        const sent = [await stream.next(), await stream.next()]
        assert.deepEqual(sent.map(jsonOf), await listed(uri, version))
        for (const [n, { id, event, retry }] of sent.entries()) {
          assert.equal(id, String(version + 1 + n))
          assert.equal(event, 'message')
          assert.equal(retry, undefined)
        }
      }
    })

    it('is for whoever asks for JSON or for events at /api, and needs no Accept', async () => {
      const uri = await ann.startChat()
      for (const headers of [{ accept: '*/*' }, { accept: 'application/json' }, { accept: 'text/event-stream' }]) {
        const stream = await openEvents(site, liveApi(uri, '?after=0'), ann, headers)
        assert.equal((await stream.next()).event, 'joined', headers.accept)
      }
    })

    it('begins now where no cursor is given', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'before')
      const stream = await openEvents(site, liveApi(uri), ann)
      await connected(stream)
      await ann.post(uri, 'since')
      assert.equal(jsonOf(await stream.next()).message, 'since')
      assert.deepEqual(stream.versions, [3])
    })

    it('brings who joined', async () => {
      const uri = await ann.startChat()
      const stream = await openEvents(site, liveApi(uri), ann)
      await connected(stream)
      await bob.join(uri)
      const joined = await stream.next()
      assert.equal(joined.event, 'joined')
      assert.deepEqual([jsonOf(joined)], await listed(uri, 1))
      assert.equal(jsonOf(joined).user.username, 'bob')
      assert.equal(jsonOf(joined).user.email, '')
    })

    it('goes on after the cursor of the address or the last event that came, whichever is larger', async () => {
      const uri = await ann.startChat()
      for (const text of ['two', 'three', 'four', 'five']) {
        await ann.post(uri, text)
      }
      const cases: [query: string, last: string | undefined, first: number][] = [
        ['?after=0', undefined, 1],
        ['?after=3', undefined, 4],
        ['', '0', 1],
        ['', '3', 4],
        ['?after=2', '4', 5],
        ['?after=4', '2', 5],
        ['?after=0', '0', 1],
      ]
      for (const [query, last, first] of cases) {
        const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last }
        const stream = await openEvents(site, liveApi(uri, query), ann, headers)
        await stream.reaches(5)
        const versions = [1, 2, 3, 4, 5].filter(version => version >= first)
        assert.deepEqual(stream.versions, versions, `${query} ${last}`)
        assert.deepEqual(replayed(stream, versions.length), await listed(uri, first - 1))
      }
    })

    it('replays hundreds of events in order, none twice, while posts go on', async () => {
      const uri = await ann.startChat()
      await fillChat(site, uri, 520)
      const streams: Events[] = []
      let posting = true
      const posts = (async () => {
        for (let n = 0; n < 60 || streams.length < 6; n++) {
          await ann.post(uri, `late ${n}`)
        }
        posting = false
      })()
      while (posting && streams.length < 6) {
        streams.push(await openEvents(site, liveApi(uri, `?after=${[0, 10, 300][streams.length % 3]}`), ann))
      }
      await posts
      const { version } = (await ann.call('GET', `/api/chats/${uri}/`)).json
      const all = await listed(uri, 0)
      assert.equal(all.length, version)
      assert.equal(streams.length, 6)
      for (const [n, stream] of streams.entries()) {
        await stream.reaches(version)
        const after = [0, 10, 300][n % 3] ?? 0
        assert.deepEqual(replayed(stream, version - after), all.slice(after))
        assert.equal(stream.versions.length, version - after)
      }
    })

    it('replays as much to a client that would rather speak HTTP/2, as curl --http2 asks', async () => {
      const uri = await ann.startChat()
      await fillChat(site, uri, 450, 'x'.repeat(1500))
      const upgrade = {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
      }
      const stream = await openEvents(site, liveApi(uri, '?after=0'), ann, upgrade)
      assert.equal(stream.status, 200)
      await stream.reaches(451)
      await ann.post(uri, 'and now')
      await stream.reaches(452)
      assert.deepEqual(stream.versions, oneTo(452))
    })

    it('brings every text as it was written', async () => {
      const uri = await ann.startChat()
      const stream = await openEvents(site, liveApi(uri), ann)
      await connected(stream)
      for (const text of TRICKY) {
        assert.equal((await ann.post(uri, text)).status, 201, text)
      }
      await stream.reaches(TRICKY.length + 1)
      const sent = replayed(stream, TRICKY.length)
      assert.deepEqual(sent, await listed(uri, 1))
      assert.deepEqual(
        sent.map(item => item.message),
        // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are taken out of messages
        TRICKY.map(text => text.replace(/\r\n?/g, '\n').replace(/[\u0085\u000b\u000c]/g, '')),
      )
    })

    it('says at once how soon to come back, and gives signs of life that are no events', async () => {
      const stream = await openEvents(site, liveApi(await ann.startChat()), ann)
      const { retry = 0 } = await stream.first(({ retry }) => retry !== undefined)
      assert.ok(retry >= 500 && retry <= 10_000, String(retry))
      await stream.first(({ comment }) => comment !== undefined)
      assert.deepEqual(stream.versions, [])
    })

    it('says first after which version it begins, so that a stream that is cut before its first event can go on', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'before')
      const first = await openEvents(site, liveApi(uri), ann)
      assert.equal(await first.begins(), 2)
      assert.deepEqual(first.sent[0], { retry: 2000, id: '2', event: 'ready', data: '{"event":"ready","version":2}' })
      first.cut()
      await ann.post(uri, 'meanwhile')
      const second = await openEvents(site, liveApi(uri), ann, { 'last-event-id': '2' })
      assert.equal(await second.begins(), 2)
      assert.equal(jsonOf(await second.next()).message, 'meanwhile')
      assert.equal(await (await openEvents(site, liveApi(uri, '?after=1'), ann)).begins(), 1)
    })

    it('is in chunks, each of whole events, for all but readers of HTTP/1.0', async () => {
      const uri = await ann.startChat()
      const asked = `GET ${liveApi(uri)} HTTP/1.1\r\nHost: chat\r\nAuthorization: Token ${ann.token}\r\n\r\n`
      const opening = 'retry: 2000\nid: 1\nevent: ready\ndata: {"event":"ready","version":1}\n\n'
      const stream = openRaw(site, asked)
      await until(() => stream.text.endsWith(`\r\n\r\n${opening.length.toString(16)}\r\n${opening}\r\n3\r\n:\n\n\r\n`))
      assert.match(stream.text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nTransfer-Encoding: chunked\r\n/)
      await ann.post(uri, 'größer')
      await until(() => stream.text.includes('größer') && stream.text.endsWith('\n\n\r\n'))
      const [, size = '', event = ''] = /\r\n(\w+)\r\n(id: 2\n[\s\S]*\n\n)\r\n$/.exec(stream.text) ?? []
      assert.equal(Buffer.byteLength(event), Number.parseInt(size, 16))
      stream.cut()
      const plain = openRaw(site, asked.replace('HTTP/1.1', 'HTTP/1.0'))
      await until(() => plain.text.endsWith(`\r\n\r\n${opening.replace(/\b1\b/g, '2')}:\n\n`))
      assert.doesNotMatch(plain.text, /transfer-encoding/i)
      plain.cut()
    })

    it('is kept by nobody on its way: no cache, no buffer, nothing embedded', async () => {
      const stream = await openEvents(site, liveApi(await ann.startChat()), ann, { origin: ORIGIN })
      assert.equal(stream.status, 200)
      assertStreamHeaders(stream)
      const { headers } = stream
      assert.equal(headers.get('access-control-allow-origin'), ORIGIN)
      assert.match(headers.get('access-control-expose-headers') ?? '', /Retry-After/)
      assert.match(headers.get('vary') ?? '', /Origin/)
      assert.equal(headers.get('access-control-allow-credentials'), null)
      assert.equal(headers.get('set-cookie'), null)
      const foreign = await openEvents(site, liveApi(await ann.startChat()), ann, { origin: 'https://evil.example' })
      assert.equal(foreign.headers.get('access-control-allow-origin'), null)
    })

    it('answers HEAD with the same headers, and ends', async () => {
      const uri = await ann.startChat()
      const head = await ann.call('HEAD', liveApi(uri))
      assert.equal(head.status, 200)
      assert.match(head.headers.get('content-type') ?? '', /^text\/event-stream/)
      assert.equal(head.text, '')
      const raw = `HEAD ${liveApi(uri)} HTTP/1.1\r\nHost: chat\r\nAuthorization: Token ${ann.token}\r\nConnection: close\r\n\r\n`
      assert.match(await askRaw(site, raw), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/)
      assert.equal((await bob.call('HEAD', liveApi(uri))).status, 404)
      assert.equal((await ann.call('HEAD', liveApi(uri, '?after=99'))).status, 410)
    })

    it('answers a cursor ahead of the chat with 410 and the version to go on from', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'two')
      for (const [query, headers] of [
        ['?after=3', {}],
        ['', { 'last-event-id': '999999999' }],
        ['?after=1', { 'last-event-id': '3' }],
      ] as [string, Record<string, string>][]) {
        const refused = await ann.call('GET', liveApi(uri, query), undefined, headers)
        assert.equal(refused.status, 410)
        assertProblem(refused, 410)
        assert.equal(refused.json.version, 2)
      }
    })

    it('answers 422 to what is no cursor', async () => {
      const uri = await ann.startChat()
      const wrong = ['-1', '1.5', 'x', '', '1e3', ' 1', '0x1', '9'.repeat(30), '１']
      for (const after of wrong) {
        const refused = await ann.call('GET', liveApi(uri, `?after=${encodeURIComponent(after)}`))
        assert.equal(refused.status, 422, after)
        assertProblem(refused, 422)
        assert.equal(refused.json.errors.after.length, 1)
      }
      assert.equal((await ann.call('GET', liveApi(uri, '?after=1&after=1'))).status, 422)
      for (const last of ['-1', 'x', '1.5', '9'.repeat(30)]) {
        const refused = await ann.call('GET', liveApi(uri), undefined, { 'last-event-id': last })
        assert.equal(refused.status, 422, last)
        assertProblem(refused, 422)
      }
    })

    it('answers 401 without credentials, and to strangers 404 in the same words as for a chat that is none', async () => {
      const uri = await ann.startChat()
      const anyone = await new Program(site).call('GET', liveApi(uri))
      assert.equal(anyone.status, 401)
      assertProblem(anyone, 401)
      assert.equal(anyone.headers.get('www-authenticate'), 'Token')
      const stranger = await bob.call('GET', liveApi(uri))
      const unknown = await bob.call('GET', liveApi(UNKNOWN))
      const member = await ann.call('GET', liveApi(UNKNOWN))
      for (const refused of [stranger, unknown, member]) {
        assertProblem(refused, 404)
        assert.equal(refused.status, 404)
        assert.equal(refused.text, unknown.text)
      }
      // A cursor tells a stranger nothing either.
      assert.equal((await bob.call('GET', liveApi(uri, '?after=99'))).status, 404)
    })

    it('knows no other method', async () => {
      const uri = await ann.startChat()
      const refused = await ann.call('POST', liveApi(uri), { message: 'x' })
      assert.equal(refused.status, 405)
      assert.match(refused.headers.get('allow') ?? '', /GET/)
    })
  })

  describe('GET /chats/:uri/live for htmx', () => {
    it('puts each event and a slow tail in the place of the tail before it', async () => {
      const uri = await visitor.startChat()
      const stream = await openPageEvents(site, livePage(uri, '?after=1'), visitor)
      await slowTail(stream, 1)
      await bob.join(uri)
      await bob.post(uri, 'hello <b>')
      const [joined, message] = [await stream.next(), await stream.next()]
      assert.equal(joined.id, '2')
      assert.match(
        joined.data ?? '',
        /^<hx-partial hx-target="#tail-1" hx-swap="outerHTML">[\s\S]*<bdi>bob<\/bdi> joined/,
      )
      assert.equal(message.id, '3')
      assert.equal(message.event, undefined, 'htmx takes in events without a name')
      const html = message.data ?? ''
      assert.match(html, /^<hx-partial hx-target="#tail-2" hx-swap="outerHTML">/)
      assert.match(html, /<li class="message" id="message-3" /)
      assert.ok(html.includes('hello &lt;b&gt;'))
      assert.match(html, /<li class="tail tail--slow" id="tail-3"[^>]*hx-trigger="every 20s/)
      assert.match(html, /<\/hx-partial>$/)
      assert.equal(html.match(/<hx-partial/g)?.length, 1)
    })

    it('shows readers their own messages as theirs, and others’ as others’', async () => {
      const uri = await visitor.startChat()
      await bob.join(uri)
      const [mine, others] = [
        await openPageEvents(site, livePage(uri, '?after=2'), visitor),
        await openPageEvents(site, livePage(uri, '?after=2'), bob),
      ]
      await Promise.all([slowTail(mine, 2), slowTail(others, 2)])
      await visitor.post(`/chats/${uri}/messages`, { message: 'by vic' })
      await bob.post(uri, 'by bob')
      const seen = [await mine.next(), await mine.next()].map(({ data = '' }) => data)
      assert.match(seen[0] ?? '', /class="message message--mine"[\s\S]*by vic/)
      assert.match(seen[1] ?? '', /class="message"[\s\S]*by bob/)
      const seenByBob = [await others.next(), await others.next()].map(({ data = '' }) => data)
      assert.match(seenByBob[0] ?? '', /class="message"[\s\S]*by vic/)
      assert.match(seenByBob[1] ?? '', /class="message message--mine"[\s\S]*by bob/)
    })

    it('brings what is missing first, and then a slow tail for where the chat is', async () => {
      const uri = await visitor.startChat()
      await bob.join(uri)
      await fillChat(site, uri, 250)
      const stream = await openPageEvents(site, livePage(uri, '?after=2'), visitor, { 'last-event-id': '20' })
      await slowTail(stream, 252)
      assert.deepEqual(stream.versions, oneTo(252).slice(20))
      const targets = stream.sent.flatMap(
        ({ data = '' }) => /^<hx-partial hx-target="#tail-(\d+)"/.exec(data)?.[1] ?? [],
      )
      assert.deepEqual(targets.map(Number), oneTo(251).slice(19))
    })

    it('shows the same as a poll but for the tail, whatever was written', async () => {
      const uri = await visitor.startChat()
      const stream = await openPageEvents(site, livePage(uri), visitor)
      await slowTail(stream, 1)
      for (const message of TRICKY) {
        assert.equal((await visitor.post(`/chats/${uri}/messages`, { message })).status, 303)
      }
      await stream.reaches(TRICKY.length + 1)
      const pushed = stream.sent
        .filter(({ id }) => id !== undefined)
        .map(({ data = '' }) => /<hx-partial[^>]*>([\s\S]*?)<li class="tail /.exec(data)?.[1] ?? '')
        .join('')
      const polled = (await visitor.htmx('GET', `/chats/${uri}/messages?after=1`)).text.replace(
        /<li class="tail"[\s\S]*/,
        '',
      )
      assert.equal(squeezed(pushed), squeezed(polled))
    })

    it('takes no line of its own from a chat’s name, however its owner breaks it', async () => {
      const uri = await ann.startChat()
      await visitor.get(`/chats/${uri}`)
      const page = await openPageEvents(site, livePage(uri, '?after=2'), visitor)
      await slowTail(page, 2)
      for (const [n, end] of ['\r', '\n', '\r\n'].entries()) {
        const title = `one${end}id: 999999${end}event: gone${end}${end}data: two, ${n}`
        assert.equal((await ann.call('PATCH', `/api/chats/${uri}/settings/`, { title })).status, 200)
        await page.shows(`data: two, ${n}`)
      }
      await page.reaches(5)
      assert.deepEqual(page.versions, [3, 4, 5])
      assert.ok(page.sent.every(({ event }) => event === undefined))
    })

    it('is kept by nobody on its way', async () => {
      const stream = await openPageEvents(site, livePage(await visitor.startChat()), visitor)
      assertStreamHeaders(stream)
    })

    it('answers 401 when signed out and 404 to strangers: no redirect, and something to read', async () => {
      const uri = await visitor.startChat()
      const signedOut = await new Visitor(site).htmx('GET', livePage(uri))
      assert.equal(signedOut.status, 401)
      assertAlert(signedOut)
      const stranger = await new Visitor(site).signUp('eve')
      const refused = await stranger.htmx('GET', livePage(uri))
      assert.equal(refused.status, 404)
      assertAlert(refused)
      for (const answer of [signedOut, refused]) {
        assert.equal(answer.headers.get('location'), null)
        assert.match(answer.headers.get('cache-control') ?? '', /no-store/)
      }
      // An EventSource of somebody's own asks without htmx.
      const bare = await new Visitor(site).get(livePage(uri), { accept: 'text/event-stream' })
      assert.equal(bare.status, 401)
      assert.equal(bare.headers.get('location'), null)
      assertPage(bare)
    })

    it('answers a cursor ahead of the chat with 410, and the page is loaded again', async () => {
      const uri = await visitor.startChat()
      const refused = await visitor.htmx('GET', livePage(uri, '?after=7'))
      assert.equal(refused.status, 410)
      assert.equal(refused.headers.get('hx-refresh'), 'true')
    })
  })

  describe('GET /chats/:uri/live in the frame', () => {
    it('is a page of the newest messages that grows by each new one', async () => {
      const uri = await visitor.startChat()
      await visitor.post(`/chats/${uri}/messages`, { message: 'already here' })
      await bob.join(uri)
      const frame = await openFrame(site, livePage(uri), visitor)
      assert.equal(frame.status, 200)
      assert.match(frame.headers.get('content-type') ?? '', /^text\/html/)
      await frame.shows('id="event-3"')
      assert.match(frame.text, /^\s*<!doctype html>/i)
      assert.ok(frame.text.includes('already here'))
      await bob.post(uri, 'hello <b>\nthere')
      await frame.shows('id="message-4"')
      await frame.shows('hello &lt;b&gt;<br>there')
      await visitor.post(`/chats/${uri}/messages`, { message: 'mine' })
      await frame.shows(/<li class="message message--mine" id="message-5" /)
      assert.equal(frame.text.match(/id="message-4"/g)?.length, 1)
      assert.doesNotMatch(frame.text, /<\/body>|hx-partial|class="tail/)
      assert.equal(frame.ending, undefined)
    })

    it('is not chunked, and stands in a page that loads it again once it has ended', async () => {
      const uri = await visitor.startChat()
      const frame = await openFrame(site, livePage(uri), visitor)
      const { headers } = frame
      assert.equal(headers.get('content-length'), null)
      assert.equal(headers.get('connection'), 'close')
      assert.match(headers.get('cache-control') ?? '', /no-store/)
      assert.equal(headers.get('x-accel-buffering'), 'no')
      const around = await visitor.get(livePage(uri), FRAMED)
      assert.match(around.text, /<meta http-equiv="refresh" content="10">/)
      assert.match(around.text, new RegExp(`<iframe [^>]*src="/chats/${uri}/live\\?inside"`))
    })

    it('misses nothing between the page and what follows', async () => {
      const uri = await visitor.startChat()
      await bob.join(uri)
      const posters = Array.from({ length: 4 }, async () => {
        for (let n = 0; n < 40; n++) {
          await bob.post(uri, `m${n}`)
        }
      })
      const opened = posters.map(async () => {
        const frames: OpenAnswer[] = []
        for (let n = 0; n < 5; n++) {
          frames.push(await openFrame(site, livePage(uri), visitor))
        }
        return frames
      })
      await Promise.all(posters)
      for (const frame of (await Promise.all(opened)).flat()) {
        await frame.shows('id="message-162"')
        const ids = [...frame.text.matchAll(/id="(?:message|event)-(\d+)"/g)].map(([, id]) => Number(id))
        assert.deepEqual(ids, oneTo(162).slice((ids[0] ?? 0) - 1))
      }
    })

    it('ends where it stands in no frame, as for a text browser, with a link back', async () => {
      const uri = await visitor.startChat()
      await visitor.post(`/chats/${uri}/messages`, { message: 'to read' })
      for (const headers of [
        { accept: 'text/html' },
        { accept: 'text/html', 'sec-fetch-dest': 'document', 'upgrade-insecure-requests': '1' },
      ] as Record<string, string>[]) {
        const page = await visitor.get(livePage(uri), headers)
        assert.equal(page.status, 200)
        assert.ok(page.text.includes('to read'))
        assert.match(page.text, new RegExp(`href="/chats/${uri}"`))
        assert.match(page.text, /<\/html>\s*$/)
        assert.doesNotMatch(page.text, /http-equiv="refresh"/)
      }
    })

    it('may stand in a page of ours, refused or not; no other page may stand in any', async () => {
      const uri = await visitor.startChat()
      const stranger = await new Visitor(site).signUp('dora')
      const anyone = new Visitor(site)
      const framed: [Visitor, number][] = [
        [stranger, 404],
        [anyone, 401],
      ]
      for (const [who, status] of framed) {
        const refused = await who.get(livePage(uri), FRAMED)
        assert.equal(refused.status, status)
        assert.equal(refused.headers.get('location'), null)
        assert.match(refused.text, /<p class="frame__note">\S/)
        assert.match(policy(refused), /frame-ancestors 'self'(;|$)/)
        assert.notEqual(refused.headers.get('x-frame-options'), 'DENY')
      }
      const frame = await openFrame(site, livePage(uri), visitor)
      assert.match(frame.headers.get('content-security-policy') ?? '', /frame-ancestors 'self'(;|$)/)
      assert.equal(frame.headers.get('x-frame-options'), 'SAMEORIGIN')
      const others: [Visitor, string, Record<string, string>][] = [
        [visitor, '/', {}],
        [visitor, `/chats/${uri}`, {}],
        [visitor, `/chats/${uri}`, FRAMED],
        [visitor, '/nowhere', {}],
        [anyone, '/login', {}],
        [anyone, '/signup', FRAMED],
        [anyone, livePage(uri), { accept: 'text/event-stream' }],
      ]
      for (const [who, path, headers] of others) {
        const page = await who.get(path, headers)
        assert.match(policy(page), /frame-ancestors 'none'(;|$)/, path)
        assert.equal(page.headers.get('x-frame-options'), 'DENY', path)
      }
    })
  })

  it('take a reader who vanishes for no failure of the program', async () => {
    const uri = await visitor.startChat()
    const streams = [
      await openEvents(site, liveApi(uri), visitor),
      await openPageEvents(site, livePage(uri), visitor),
      await openFrame(site, livePage(uri), visitor),
      await openSocket(site, liveApi(uri), visitor, { origin: site.url }),
    ]
    for (const stream of streams) {
      stream.cut()
    }
    await until(() => site.live.streams.size === 0)
    assert.deepEqual(
      site.log.filter(line => JSON.parse(line).level >= 50),
      [],
    )
  })

  /** As the list shows them. */
  async function listed(uri: string, after: number): Promise<Item[]> {
    return (await ann.call('GET', `/api/chats/${uri}/messages/?after=${after}&limit=1000`)).json.messages
  }
})

/** Until the stream has said its first word: what is posted from then on comes by it. */
async function connected(stream: Events) {
  assert.equal(stream.status, 200)
  await stream.first(({ comment }) => comment !== undefined)
}

/** Until the stream has caught up, which it says by a slow tail in the place of whatever other tail is there. */
async function slowTail(stream: Events, version: number) {
  assert.equal(stream.status, 200)
  const calm = await stream.first(
    ({ id, data }) => id === undefined && (data?.includes(`#tail-${version}:not(`) ?? false),
  )
  const { data = '' } = calm
  assert.match(
    data,
    new RegExp(`^<hx-partial hx-target="#tail-${version}:not\\(\\.tail--slow\\)" hx-swap="outerHTML">`),
  )
  assert.match(data, new RegExp(`<li class="tail tail--slow" id="tail-${version}"`))
}

const jsonOf = ({ data }: Sent) => JSON.parse(data ?? '')

function replayed(stream: Events, count: number): Item[] {
  return stream.sent.filter(isOfChat).slice(0, count).map(jsonOf)
}

function assertStreamHeaders({ headers }: Events) {
  assert.match(headers.get('content-type') ?? '', /^text\/event-stream(; charset=utf-8)?$/)
  assert.match(headers.get('cache-control') ?? '', /no-store/)
  assert.equal(headers.get('x-accel-buffering'), 'no')
  assert.equal(headers.get('connection'), 'close')
  assert.equal(headers.get('content-length'), null)
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
}

const policy = ({ headers }: Answer) => headers.get('content-security-policy') ?? ''

const squeezed = (html: string) => html.replace(/\s*\n\s*/g, '\n').trim()

const oneTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)
