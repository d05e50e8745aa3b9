import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { readConfig } from '../../src/config.js'
import { assertProblem } from '../input/answers.js'
import { type Broker, openBroker, skipWithoutBroker } from '../support/broker.js'
import { databaseUrl } from '../support/databases.js'
import { freePort } from '../support/programs.js'
import { type Running, startServer, until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openSocket, refusedSocket } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'
import { openWire } from '../support/wire.js'

const LARGE = '😀'.repeat(1990)

interface Shown {
  user: { id: number; username: string }
  message: string
}

/** As the front end of the tutorial has it: whatever comes is parsed, and shown as a message. */
class FrontEnd {
  readonly messages: Shown[] = []
  readonly websocket: WebSocket
  pings = 0
  closed: { code: number; reason: string } | undefined

  constructor(at: string, uri: string, headers: Record<string, string> = {}) {
    this.websocket = new WebSocket(`${at}/${uri}`, { headers })
    this.websocket.onmessage = event => {
      this.messages.push(JSON.parse(event.data as string))
    }
    this.websocket.onclose = ({ code, reason }) => {
      this.closed = { code, reason }
    }
    this.websocket.onerror = () => {}
    this.websocket.on('ping', () => {
      this.pings++
    })
    opened.add(this)
  }

  get texts() {
    return this.messages.map(({ message }) => message)
  }

  /** Each stream begins with a ping. */
  async begun() {
    await until(() => this.pings > 0 || this.closed !== undefined)
    assert.equal(this.closed, undefined)
    return this
  }

  async shows(text: string) {
    await until(() => this.texts.includes(text) || this.closed !== undefined)
    assert.ok(this.texts.includes(text), `${JSON.stringify(this.closed)} came before ${text}`)
  }

  async over() {
    await until(() => this.closed !== undefined)
    return this.closed
  }
}

const opened = new Set<FrontEnd>()

function closeAll() {
  for (const { websocket } of opened) {
    websocket.terminate()
  }
  opened.clear()
  cutStreams()
}

describe('the WebSockets of the tutorial’s clients', () => {
  /** Where the setting is off. */
  let site: Site
  /** Beside it, on the same database. */
  let open: Site
  let ann: Program
  let bob: Program
  /** The links that are open. Each test has one of its own. */
  let uris: string[]
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    uris = await Promise.all(Array.from({ length: 15 }, () => ann.startChat()))
    open = await openSite(setting(uris), site)
  })
  afterEach(closeAll)
  after(async () => {
    await open.close()
    await site.close()
  })

  const setting = (links: readonly string[]) => ({ TUTORIAL_PORT: '0', TUTORIAL_LINKS: links.join(',') })
  const nextUri = () => uris.pop() as string
  const refusal = (at: string, path: string, headers: Record<string, string> = {}) =>
    refusedSocket({ url: at.replace('ws:', 'http:') }, path, undefined, headers)

  it('bring each new message of the chat with its user, by the original’s two fields', async () => {
    const uri = nextUri()
    await ann.post(uri, 'history')
    const client = await new FrontEnd(open.tutorial, uri).begun()
    await bob.join(uri)
    await bob.post(uri, 'é😀<b>\n& more')
    await client.shows('é😀<b>\n& more')
    const listed = (await ann.call('GET', `/api/chats/${uri}/messages/`)).json.messages.at(-1)
    assert.deepEqual(client.messages, [{ user: listed.user, message: 'é😀<b>\n& more' }])
    assert.equal(listed.user.username, 'bob')
    assert.equal(listed.user.email, '')
  })

  it('bring messages alone, each once and in order, whatever else happens', async () => {
    const uri = nextUri()
    const client = await new FrontEnd(open.tutorial, uri).begun()
    const { id } = (await ann.post(uri, 'one')).json
    await client.shows('one')
    const own = `/api/chats/${uri}/messages/${id}/`
    const happening: [who: Program, method: string, path: string, body?: unknown][] = [
      [bob, 'PATCH', `/api/chats/${uri}/`, {}],
      [ann, 'PATCH', own, { message: 'edited' }],
      [bob, 'PUT', `${own}reactions/${encodeURIComponent('👍')}/`],
      [bob, 'POST', `/api/chats/${uri}/typing/`],
      [ann, 'DELETE', own],
      [ann, 'PATCH', `/api/chats/${uri}/`, { title: 'A title', read_only: true }],
      [ann, 'PATCH', `/api/chats/${uri}/`, { read_only: false }],
      [bob, 'DELETE', `/api/chats/${uri}/members/me/`],
    ]
    for (const [who, method, path, body] of happening) {
      const { status, text } = await who.call(method, path, body)
      assert.ok(status < 300, `${method} ${path}: ${status} ${text}`)
    }
    const sent = Array.from({ length: 30 }, (_, n) => `m${n}`)
    for (const text of sent) {
      await ann.post(uri, text)
    }
    await client.shows('m29')
    assert.deepEqual(client.texts, ['one', ...sent])
  })

  it('pass over what the client sends', async () => {
    const uri = nextUri()
    const client = await new FrontEnd(open.tutorial, uri).begun()
    for (const sent of ['hello', '{"message":"hello"}', '{"message":"hello","key":"k"}', '', '[']) {
      client.websocket.send(sent)
    }
    client.websocket.send(Buffer.from([0, 255]))
    await ann.post(uri, 'by ann')
    await client.shows('by ann')
    assert.deepEqual(client.texts, ['by ann'])
    assert.equal((await ann.call('GET', `/api/chats/${uri}/messages/`)).json.messages.length, 1)
    client.websocket.send('x'.repeat(70 * 1024))
    assert.equal((await client.over())?.code, 1009)
  })

  it('are not there unless the setting is', async () => {
    const uri = nextUri()
    assert.equal(site.tutorial, 'ws://127.0.0.1:undefined')
    // The chat's page, as an ordinary answer, is elsewhere.
    assert.equal((await refusedSocket(site, `/${uri}`, undefined)).status, 404)
    assert.equal((await refusedSocket(open, `/${uri}`, undefined)).status, 404)
  })

  it('answer 404 to every other link, the same for chats that exist, and to what is no WebSocket', async () => {
    const listed = nextUri()
    const other = await ann.startChat()
    const unknown = await refusal(open.tutorial, `/${'A'.repeat(22)}`)
    assert.equal(unknown.status, 404)
    assertProblem(unknown, 404)
    for (const path of [`/${other}`, '/', '/x', `/${listed}/live`, `/chats/${listed}`, `/api/chats/${other}/live/`]) {
      const refused = await refusal(open.tutorial, path)
      assert.equal(refused.status, 404, path)
      assert.equal(refused.json.detail, unknown.json.detail)
    }
    const http = open.tutorial.replace('ws:', 'http:')
    const plain = await fetch(`${http}/${listed}`)
    assert.equal(plain.status, 404)
    assert.equal(plain.headers.get('set-cookie'), null)
    assert.match(plain.headers.get('cache-control') ?? '', /no-store/)
    assert.equal((await fetch(`${http}/${listed}`, { method: 'POST' })).status, 405)
    assert.equal((await fetch(`${http}/up`)).status, 404)
  })

  it('take no notice of credentials and origins: only the link counts', async () => {
    const [listed, other] = [nextUri(), await ann.startChat()]
    const token = { authorization: `Token ${ann.token}` }
    assert.equal((await refusal(open.tutorial, `/${other}`, token)).status, 404)
    const clients: FrontEnd[] = []
    for (const headers of [
      token,
      { authorization: 'Token nonsense' },
      { origin: 'http://localhost:8080' },
      { origin: 'https://elsewhere.example', cookie: 'chatire=nonsense' },
      { origin: 'null' },
    ] as Record<string, string>[]) {
      clients.push(await new FrontEnd(open.tutorial, listed, headers).begun())
    }
    await ann.post(listed, 'for all')
    for (const client of clients) {
      await client.shows('for all')
    }
  })

  it('make nobody a member, and nobody seem to be here', async () => {
    const uri = nextUri()
    const client = await new FrontEnd(open.tutorial, `${uri}/`).begun()
    await open.live.presence.tell()
    const { members } = (await ann.call('GET', `/api/chats/${uri}/members/`)).json
    assert.deepEqual(
      members.map(({ username }: { username: string }) => username),
      ['ann'],
    )
    await ann.post(uri, 'still served')
    await client.shows('still served')
  })

  it('end when the link is replaced, and bring nothing that was said after that', async () => {
    const uri = nextUri()
    const clients = [await new FrontEnd(open.tutorial, uri).begun(), await new FrontEnd(open.tutorial, uri).begun()]
    await ann.post(uri, 'before')
    const fresh = (await ann.call('POST', `/api/chats/${uri}/link/`)).json.uri
    await ann.post(fresh, 'after')
    for (const client of clients) {
      assert.deepEqual(await client.over(), { code: 1008, reason: 'This chat cannot be read by this link any more' })
      assert.deepEqual(client.texts, ['before'])
    }
    assert.equal((await refusal(open.tutorial, `/${uri}`)).status, 404)
    assert.equal((await refusal(open.tutorial, `/${fresh}`)).status, 404)
  })

  for (const [what, closed, opened] of [
    ['nobody can join any more', { joins_closed: true }, { joins_closed: false }],
    ['guests cannot join any more', { guests: false }, { guests: true }],
  ] as const) {
    it(`end when ${what}, and are there again once they can`, async () => {
      const uri = nextUri()
      const client = await new FrontEnd(open.tutorial, uri).begun()
      await ann.call('PATCH', `/api/chats/${uri}/`, closed)
      await ann.post(uri, 'among us')
      assert.equal((await client.over())?.code, 1008)
      assert.deepEqual(client.texts, [])
      assert.equal((await refusal(open.tutorial, `/${uri}`)).status, 404)
      await ann.call('PATCH', `/api/chats/${uri}/`, opened)
      const again = await new FrontEnd(open.tutorial, uri).begun()
      await ann.post(uri, 'for all')
      await again.shows('for all')
    })
  }

  it('hold back what follows a change until the database has answered, and lose nothing of it', async () => {
    const uri = nextUri()
    const wire = await openWire(site.address as Parameters<typeof openWire>[0])
    const far = await openSite(setting([uri]), { address: wire.address })
    try {
      const clients = [await new FrontEnd(far.tutorial, uri).begun(), await new FrontEnd(far.tutorial, uri).begun()]
      const member = await openSocket(far, `/api/chats/${uri}/live/`, ann)
      await member.pinged()
      wire.hold('as "current_uri"')
      await ann.post(uri, 'before')
      await ann.call('PATCH', `/api/chats/${uri}/`, { read_only: true })
      await until(() => wire.held > 0)
      await ann.call('PATCH', `/api/chats/${uri}/`, { read_only: false })
      const { version } = (await ann.post(uri, 'after')).json
      await member.reaches(version)
      assert.deepEqual(
        clients.map(({ texts }) => texts),
        [['before'], ['before']],
      )
      wire.release()
      for (const client of clients) {
        await client.shows('after')
        assert.deepEqual(client.texts, ['before', 'after'])
      }
      // The answer never comes: they may come back, and are not told that the link is closed.
      wire.hold('as "current_uri"')
      await ann.call('PATCH', `/api/chats/${uri}/`, { read_only: true })
      await until(() => wire.held > 0)
      await wire.cut()
      for (const client of clients) {
        assert.equal((await client.over())?.code, 1012)
      }
    } finally {
      await far.close()
      await wire.close()
    }
  })

  it('end when the link expires @long', async () => {
    const uri = nextUri()
    await site.pool.query(`update links set expires_at = now() + interval '2 s' where uri = $1`, [uri])
    const client = await new FrontEnd(open.tutorial, uri).begun()
    assert.equal((await client.over())?.code, 1012)
    await until(async () => (await refusal(open.tutorial, `/${uri}`)).status === 404)
  })

  it('end when the chat is deleted', async () => {
    const uri = nextUri()
    const client = await new FrontEnd(open.tutorial, uri).begun()
    const { title } = (await ann.call('PATCH', `/api/chats/${uri}/`, { title: 'short' })).json
    assert.equal((await ann.call('DELETE', `/api/chats/${uri}/`, { name: title })).status, 204)
    assert.deepEqual(await client.over(), { code: 1008, reason: 'This chat was deleted' })
    assert.equal((await refusal(open.tutorial, `/${uri}`)).status, 404)
  })

  it('drop a reader who takes nothing in @long', async () => {
    const uri = nextUri()
    const slow = await new FrontEnd(open.tutorial, uri).begun()
    slow.websocket.pause()
    for (let n = 0; open.live.streams.size > 0; n++) {
      assert.ok(n < 200, 'nobody is dropped')
      await Promise.all(Array.from({ length: 20 }, () => ann.post(uri, LARGE)))
    }
  })

  it('say that the server restarts when it stops', async () => {
    const uri = nextUri()
    const other = await openSite(setting([uri]), site)
    const client = await new FrontEnd(other.tutorial, uri).begun()
    await other.stop()
    assert.equal((await client.over())?.code, 1012)
    await assert.rejects(fetch(other.tutorial.replace('ws:', 'http:')))
    await other.close()
  })

  it('count among the streams of their address, and need room there', async () => {
    const uri = await ann.startChat()
    // Each of so many processes grants 2 of the 100 streams of an address.
    const limited = await openSite({ ...setting([uri]), LIMITS: 'on', WEB_CONCURRENCY: '64' }, site)
    const first = await new FrontEnd(limited.tutorial, uri).begun()
    await openSocket(limited, `/api/chats/${uri}/live/`, ann)
    const third = await refusal(limited.tutorial, `/${uri}`)
    assert.equal(third.status, 503)
    assertProblem(third, 503)
    assert.equal(third.json.code, 'too_many_streams')
    first.websocket.terminate()
    await until(() => limited.live.streams.size === 1)
    await new FrontEnd(limited.tutorial, uri).begun()
    await limited.close()
  })
})

describe('TUTORIAL_PORT and TUTORIAL_LINKS', () => {
  const [one, two] = ['a'.repeat(22), 'b'.repeat(22)]

  it('take links as they are shared, or their last parts', () => {
    const links = `https://chat.example.org/chats/${one}, ${two}/`
    const { tutorial } = readConfig({ TUTORIAL_PORT: '8081', TUTORIAL_LINKS: links })
    assert.deepEqual(tutorial, { port: 8081, links: new Set([one, two]) })
    assert.equal(readConfig({}).tutorial, undefined)
  })

  it('are refused where one is wrong, or there without the other', () => {
    const wrong: [env: Record<string, string>, sentence: RegExp][] = [
      [{ TUTORIAL_PORT: '8081' }, /^TUTORIAL_LINKS must name the chats.*$/],
      [{ TUTORIAL_PORT: '8081', TUTORIAL_LINKS: ' , ' }, /^TUTORIAL_LINKS must name the chats.*$/],
      [{ TUTORIAL_LINKS: one }, /^TUTORIAL_PORT must be set.*$/],
      [{ TUTORIAL_PORT: '8000', TUTORIAL_LINKS: one }, /^TUTORIAL_PORT must be another port than PORT.*$/],
      [{ TUTORIAL_PORT: 'x', TUTORIAL_LINKS: one }, /^TUTORIAL_PORT must be a port number.*$/],
      [{ TUTORIAL_PORT: '8081', TUTORIAL_LINKS: '*' }, /^TUTORIAL_LINKS must be links of chats.*$/],
      [
        { TUTORIAL_PORT: '8081', TUTORIAL_LINKS: `https://a.example/${one}` },
        /^TUTORIAL_LINKS must be links of chats.*$/,
      ],
    ]
    for (const [env, sentence] of wrong) {
      // Nothing else is said.
      assert.throws(() => readConfig(env), { message: sentence }, JSON.stringify(env))
    }
  })
})

describe('the WebSockets of the tutorial’s clients, of several processes', () => {
  let site: Site
  let ann: Program
  let broker: Broker | undefined
  const running: Running[] = []
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  afterEach(async () => {
    closeAll()
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL')
      await ended
    }
  })
  after(async () => {
    await broker?.close()
    await site.close()
  })

  for (const [bus, name] of [
    ['postgres', 'share the port, with hints by PostgreSQL @long'],
    ['amqp', 'share the port, with hints by RabbitMQ @long'],
    ['off', 'share the port, without hints @long'],
  ]) {
    it(name ?? '', async function () {
      if (bus === 'amqp') {
        skipWithoutBroker.call(this)
        broker = await openBroker()
      }
      const uri = await ann.startChat()
      const port = await freePort()
      const server = await startServer({
        DATABASE_URL: databaseUrl(site.address as never),
        WEB_CONCURRENCY: '2',
        BUS: broker && bus === 'amqp' ? broker.url : (bus ?? ''),
        TUTORIAL_PORT: String(port),
        TUTORIAL_LINKS: `https://chat.example.org/chats/${uri}/`,
      })
      running.push(server)
      assert.ok(server.lines.some(line => line.includes(`Tutorial: at port ${port}`) && !line.includes(uri)))
      const at = `ws://127.0.0.1:${port}`
      const clients = await Promise.all(Array.from({ length: 6 }, () => new FrontEnd(at, uri).begun()))
      const writer = await signUpProgram(server, `ben_${bus}`)
      await writer.join(uri)
      const sent = Array.from({ length: 10 }, (_, n) => `m${n}`)
      for (const text of sent) {
        await writer.post(uri, text)
      }
      for (const client of clients) {
        await client.shows('m9')
        assert.deepEqual(client.texts, sent)
      }
      await ann.call('POST', `/api/chats/${uri}/link/`)
      for (const client of clients) {
        assert.equal((await client.over())?.code, 1008)
      }
    })
  }

  it('do not begin where the port is taken: the program says so', async () => {
    const [taken, uri] = [new URL(site.url).port, await ann.startChat()]
    const env = { DATABASE_URL: databaseUrl(site.address as never), TUTORIAL_PORT: taken, TUTORIAL_LINKS: uri }
    await assert.rejects(startServer(env), /port \d+ of 127\.0\.0\.1 already\. Choose another one with TUTORIAL_PORT/)
  })

  it('lose nothing that is posted while a client connects', async () => {
    const uri = await ann.startChat()
    const open = await openSite({ TUTORIAL_PORT: '0', TUTORIAL_LINKS: uri }, site)
    let posting = true
    const sent: string[] = []
    const posts = (async () => {
      for (let n = 0; posting; n++) {
        await ann.post(uri, `m${n}`)
        sent.push(`m${n}`)
      }
    })()
    const clients: FrontEnd[] = []
    for (let n = 0; n < 10; n++) {
      clients.push(await new FrontEnd(open.tutorial, uri).begun())
    }
    posting = false
    await posts
    for (const one of clients) {
      await one.shows(sent.at(-1) ?? '')
      assert.ok(one.texts.length > 0)
      assert.deepEqual(one.texts, sent.slice(-one.texts.length))
    }
    await open.close()
  })
})
