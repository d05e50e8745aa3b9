import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { LIMITS } from '../../src/config.js'
import { fill } from '../../src/slices.js'
import { withClockStopped } from '../support/clock.js'
import { fillWithMembers } from '../support/crowd.js'
import type { Answer } from '../support/exchange.js'
import { longestHold } from '../support/hold.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import {
  credentials,
  cutStreams,
  FRAMED,
  fillChat,
  openEvents,
  openFrame,
  openPageEvents,
  openSocket,
  type Reader,
} from '../support/streams.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const MIB = 2 ** 20

/** Twenty times as long in HTML. */
const LINKS = 'www.a\n'.repeat(330)

/** As large as a message can be: four bytes each. */
const LARGE = '😀'.repeat(1990)

/** What takes the longest to render. */
const COSTLY = '- =\n'.repeat(490)

describe('an answer', () => {
  let site: Site
  let ann: Program
  let visitor: Visitor
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    visitor = new Visitor(site)
    await visitor.get('/login')
    await visitor.post('/login', { username: 'ann', password: PASSWORD })
  })
  after(async () => {
    cutStreams()
    await site.close()
  })

  it('holds one item at least', async () => {
    assert.deepEqual(await fill(['long', 'b'], 3, String), { items: ['long'], texts: ['long'], cut: 'b' })
    assert.deepEqual(await fill(['a', 'b', 'c'], 2, String), { items: ['a', 'b'], texts: ['a', 'b'], cut: 'c' })
    assert.deepEqual(await fill([], 2, String), { items: [], texts: [], cut: undefined })
  })

  describe('that would be longer than 1 MiB', () => {
    const COUNT = 120
    let uri: string
    before(async () => {
      uri = await ann.startChat()
      await fillChat(site, uri, COUNT, LINKS)
    })

    for (const [query, rel] of [
      ['?after=0&limit=1000', 'next'],
      ['?limit=1000', 'prev'],
    ] as const) {
      it(`is cut, and says where it goes on: ${query}`, async function () {
        this.timeout(60_000)
        const path = `/api/chats/${uri}/messages/`
        const pages: number[][] = []
        for (let next: string | undefined = path + query; next; ) {
          const { text, headers, json } = await ann.call('GET', next)
          assert.ok(Buffer.byteLength(text) <= MIB, `${Buffer.byteLength(text)} bytes`)
          const versions: number[] = json.messages.map(({ version }: { version: number }) => version)
          assert.equal(json.version, pages.length === 0 && rel === 'prev' ? COUNT + 1 : versions.at(-1))
          pages.push(versions)
          next = linkOf(headers, rel)
          assert.equal(json.more, next !== undefined)
          if (rel === 'next' && next) {
            assert.ok(next.startsWith(`${site.url}${path}?after=${json.version}&`), next)
          }
        }
        assert.ok(pages.length > 3, `${pages.length} answers`)
        const all = rel === 'next' ? pages.flat() : pages.reverse().flat()
        // What joined is an event, and no message.
        assert.deepEqual(all, numbers(rel === 'next' ? 1 : 2, COUNT + 1))
      })
    }

    it('is cut as a poll too, whose tail asks for the rest at once', async function () {
      this.timeout(60_000)
      const seen: number[] = []
      let answers = 0
      for (let after = '0', more = true; more; answers++) {
        const { text } = await visitor.htmx('GET', `/chats/${uri}/messages?after=${after}`)
        assert.ok(Buffer.byteLength(text) <= MIB)
        seen.push(...idsIn(text))
        const [, version, , trigger = ''] = /id="tail-(\d+)" hx-get="([^"]+)" hx-trigger="([^"]+)"/.exec(text) ?? []
        assert.ok(version)
        after = version
        more = trigger.startsWith('load')
      }
      assert.ok(answers > 2)
      assert.deepEqual(seen, numbers(2, COUNT + 1))
    })

    it('is cut as a page of older messages too, whose link leads to the rest', async function () {
      this.timeout(60_000)
      const pages: number[][] = []
      for (let next: string | undefined = `/chats/${uri}`; next; ) {
        // Now with JavaScript, now without.
        const isFragment: boolean = pages.length % 2 === 1
        const { text }: Answer = isFragment ? await visitor.htmx('GET', next) : await visitor.get(next)
        assert.ok(Buffer.byteLength(text) <= MIB)
        pages.push(idsIn(text))
        const links: string[] = /class="older__link" href="([^"]+)" hx-get="([^"]+)"/.exec(text)?.slice(1) ?? []
        next = links[isFragment ? 0 : 1]
      }
      assert.ok(pages.length > 5)
      assert.deepEqual(pages.reverse().flat(), numbers(2, COUNT + 1))
    })

    it('is cut as a page that begins with a message, whose link leads to the newer ones', async function () {
      this.timeout(60_000)
      const seen: number[] = []
      for (let next: string | undefined = `/chats/${uri}?from=2`; next; ) {
        const { text }: Answer = await visitor.get(next)
        assert.ok(Buffer.byteLength(text) <= MIB)
        seen.push(...idsIn(text))
        next = /href="([^"]+)">Newer messages/.exec(text)?.[1]
      }
      assert.deepEqual(seen, numbers(2, COUNT + 1))
    })
  })

  describe('about very many members', () => {
    const COUNT = 1500
    let uri: string
    before(async () => {
      uri = await ann.startChat()
      await fillWithMembers(site, uri, COUNT)
    })

    it('is cut and says so, and all are there who are asked for on and on', async function () {
      this.timeout(60_000)
      const seen: string[] = []
      for (let next: string | undefined = `/api/chats/${uri}/members/?limit=1000`; next; ) {
        const { text, headers, json }: Answer = await ann.call('GET', next)
        assert.ok(Buffer.byteLength(text) <= MIB)
        seen.push(...json.members.map(({ username }: { username: string }) => username))
        next = linkOf(headers, 'next')
        assert.equal(json.more, next !== undefined)
      }
      assert.equal(seen.length, COUNT + 1)
      assert.equal(new Set(seen).size, COUNT + 1)
    })

    it('is cut with the chat as well, and where one joins', async () => {
      for (const { text, headers, json } of [await ann.call('GET', `/api/chats/${uri}/`), await ann.join(uri)]) {
        assert.ok(Buffer.byteLength(text) <= MIB)
        assert.ok(json.members.length > 100)
        const rest = await ann.call('GET', linkOf(headers, 'next') ?? '')
        const last = json.members.at(-1).id
        assert.ok(rest.json.members.every(({ id }: { id: number }) => id > last))
      }
      assert.equal((await ann.call('GET', `/api/chats/${uri}/`)).json.more, true)
    })

    it('holds the event loop for less than 50 ms', async function () {
      this.timeout(60_000)
      await assertQuick(async () => () => drain(`/api/chats/${uri}/members/?limit=1000`, ann))
      await assertQuick(async () => () => drain(`/api/chats/${uri}/`, ann))
      await assertQuick(async () => () => drain(`/chats/${uri}/members?limit=1000`, visitor))
    })
  })

  describe('that is costly to render holds the event loop for less than 50 ms', () => {
    const hx = { 'hx-request': 'true' }
    const kinds: Record<string, (uri: string) => Promise<unknown>> = {
      'the newest messages': uri => drain(`/api/chats/${uri}/messages/?limit=1000`, ann),
      'the events after a cursor': uri => drain(`/api/chats/${uri}/messages/?after=0&limit=1000`, ann),
      'a poll': uri => drain(`/chats/${uri}/messages?after=0`, visitor, hx),
      'older messages': uri => drain(`/chats/${uri}/messages?before=150`, visitor, hx),
      'a page': uri => drain(`/chats/${uri}`, visitor),
      'the page of one message': uri => drain(`/chats/${uri}/messages/100`, visitor),
      'a page for its frame': uri => drain(`/chats/${uri}/live`, visitor, { accept: 'text/html' }),
      search: uri => drain(`/api/chats/${uri}/search/?q=costly`, ann),
      'a frame': async uri => (await openFrame(site, `/chats/${uri}/live`, visitor, FRAMED)).shows('message-201'),
      'a stream': async uri => (await openEvents(site, `/api/chats/${uri}/live/?after=0`, ann)).reaches(201),
      'a stream for the page': async uri =>
        (await openPageEvents(site, `/chats/${uri}/live?after=0`, visitor)).reaches(201),
      'a WebSocket': async uri => (await openSocket(site, `/api/chats/${uri}/live/?after=0`, ann)).reaches(201),
      'five lists at once': uri =>
        Promise.all(numbers(1, 5).map(n => drain(`/api/chats/${uri}/messages/?limit=1000&before=${196 + n}`, ann))),
      'a stream that many events come to': async uri => {
        const stream = await openEvents(site, `/api/chats/${uri}/live/`, ann)
        await fillChat(site, uri, 100, `costly ${uri}, later\n${COSTLY}`)
        await stream.reaches(301)
      },
    }
    for (const [kind, ask] of Object.entries(kinds)) {
      it(kind, async function () {
        this.timeout(120_000)
        await assertQuick(async () => {
          // Nothing of it has been rendered before.
          const uri = await ann.startChat()
          await fillChat(site, uri, 200, `costly ${uri}\n${COSTLY}`)
          return () => ask(uri)
        })
      })
    }
  })

  it('about long answers to long messages holds the event loop for less than 50 ms @long', async function () {
    this.timeout(120_000)
    const uri = await ann.startChat()
    await fillChat(site, uri, 1000, LARGE)
    await site.pool.query(
      'update events set reply_to = version - 1 from links l where l.chat_id = events.chat_id and uri = $1 and version > 2',
      [uri],
    )
    for (const query of ['limit=1000', 'after=0&limit=1000']) {
      await assertQuick(async () => () => drain(`/api/chats/${uri}/messages/?${query}`, ann))
    }
  })

  it('is refused to who reads very much, which idle and small polls do not', async function () {
    this.timeout(60_000)
    const limited = await openSite({ LIMITS: 'on' }, site)
    try {
      const uri = await ann.startChat()
      await fillChat(site, uri, 60)
      const program = new Program(limited, ann.token)
      const asked = (path: string) => program.call('GET', path)
      const list = `/api/chats/${uri}/messages/`
      await withClockStopped(async () => {
        const answers: Answer[] = []
        while (answers.length <= LIMITS.lists.burst) {
          answers.push(await asked(list))
        }
        const refused = answers.pop()
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
        assert.equal(refused?.status, 429)
        assert.match(refused.json.detail, /Please wait a moment/)
        assert.ok(Number(refused.headers.get('retry-after')) > 0)
        const etag = answers[0]?.headers.get('etag') ?? ''
        assert.equal((await program.call('GET', list, undefined, { 'if-none-match': etag })).status, 304)
        assert.equal((await asked(`${list}?after=61`)).status, 200)
        assert.equal((await asked(`${list}?after=30`)).status, 200)
      })
    } finally {
      await limited.close()
    }
  })

  /** The shortest hold of three tries. */
  async function assertQuick(prepare: () => Promise<() => Promise<unknown>>) {
    const holds: number[] = []
    while (holds.length < 3 && !holds.some(hold => hold < 50)) {
      holds.push(await longestHold(await prepare()))
    }
    assert.ok(Math.min(...holds) < 50, `held for ${holds.map(Math.round)} ms`)
  }

  /** Reads an answer without looking at it. */
  async function drain(path: string, reader: Reader, headers: Record<string, string> = {}) {
    const asked = request(site.url + path, { agent: false, headers: { ...credentials(reader), ...headers } })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    assert.equal(answer.statusCode, 200)
    await once(answer.resume(), 'end')
  }
})

describe('readers who take in nothing of their answers', () => {
  /** Instead of 30 s, in milliseconds. */
  const SILENCE = 10_000
  /** More than the machine's buffers hold for one connection. */
  const REQUESTS = 10

  let site: Site
  /** One that waits for so long that only the number of bytes ends a connection, however slow the machine is. */
  let patient: Site
  let asked: string
  let text: string
  before(async () => {
    site = await openSite({}, undefined, { silence: SILENCE })
    patient = await openSite({}, site, { silence: 3_600_000 })
    const ann = await signUpProgram(site, 'ann')
    const uri = await ann.startChat()
    await fillChat(site, uri, 100, LARGE)
    const path = `/api/chats/${uri}/messages/?limit=1000`
    asked = `GET ${path} HTTP/1.1\r\nHost: chat\r\nAuthorization: Token ${ann.token}\r\n\r\n`
    text = (await ann.call('GET', path)).text
    assert.ok(Buffer.byteLength(text) > MIB * 0.95)
  })
  after(async () => {
    await patient.close()
    await site.close()
  })

  it('cost 64 MiB all together, and are gone when they have paused for too long; who only reads slowly gets everything @long', async function () {
    this.timeout(600_000)
    const before = unsent()
    const many = await Promise.all(Array.from({ length: 180 }, () => open(patient)))
    let [now, most] = [0, 0]
    // Seldom: collecting the garbage takes longer than all else here.
    const watch = setInterval(() => {
      now = unsent() - before
      most = Math.max(most, now)
    }, 500)
    for (let part = 5; part <= 50; part += 5) {
      await until(() => most > part * MIB)
    }
    // Those who came first have waited longest; this one comes last.
    const slow = readsSlowly(patient)
    const silent = await Promise.all(Array.from({ length: 20 }, () => open(site)))
    // On a machine that stands still its pauses may become too long.
    for (let tries = 1; !(await readsSlowly(site)); tries++) {
      assert.ok(tries < 5, 'the machine makes every pause too long')
    }
    assert.ok(await slow)
    // Answers that are being made are not counted yet: the busier the machine, the more there are. All that was asked for is 180 MiB.
    assert.ok(most < 2 * 64 * MIB, `${most} bytes`)
    for (const socket of many) {
      socket.destroy()
    }
    // The silent have not read: they were cut.
    await until(() => now < 8 * MIB)
    clearInterval(watch)
    for (const socket of silent) {
      socket.destroy()
    }
  })

  /** Asks, pauses twice, and reads to the end. Resolves to false where a pause became so long that it was cut. */
  async function readsSlowly(at: Site): Promise<boolean> {
    const slow = await open(at)
    let [got, readAt, longest] = [0, performance.now(), 0]
    const note = (bytes: number) => {
      got += bytes
      longest = Math.max(longest, performance.now() - readAt)
      readAt = performance.now()
    }
    slow.on('data', chunk => note(chunk.length))
    slow.on('close', () => note(0))
    for (let pause = 0; pause < 2; pause++) {
      await wait(0.6 * SILENCE)
      const before = got
      slow.resume()
      await until(() => got > before || slow.destroyed)
      slow.pause()
    }
    slow.resume()
    const hasAll = () => got > REQUESTS * Buffer.byteLength(text)
    const wasCut = () => slow.destroyed && longest > 0.9 * SILENCE
    while (!hasAll() && !wasCut()) {
      const before = got
      await until(() => got > before || wasCut())
    }
    slow.destroy()
    return hasAll()
  }

  /** Asks for several lists at once, and reads nothing. */
  async function open(at: Site): Promise<Socket> {
    const socket = connect(Number(new URL(at.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    await once(socket, 'connect')
    socket.write(asked.repeat(REQUESTS))
    return socket
  }

  /** Bytes in buffers of this process, where the server runs, without those that nobody needs any more. */
  function unsent() {
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
})

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

function linkOf(headers: Headers, rel: string): string | undefined {
  return new RegExp(`<([^>]+)>; rel="${rel}"`).exec(headers.get('link') ?? '')?.[1]
}

function idsIn(html: string): number[] {
  return [...html.matchAll(/id="message-(\d+)"/g)].map(([, id]) => Number(id))
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n)
}
