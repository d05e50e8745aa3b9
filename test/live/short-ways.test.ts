import assert from 'node:assert/strict'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { sessionCookie } from '../../src/http/sessions.js'
import { withClockStopped } from '../support/clock.js'
import { randomNumbers } from '../support/random.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { Visitor } from '../support/visitor.js'

/** A header that says nothing: the request is the same, and goes the long way. */
const LONG_WAY = { authorization: '' }

describe('the short ways', () => {
  for (const env of [{}, { PUBLIC_URL: 'https://chat.example.org', TRUST_PROXY: '1' }]) {
    it(`answer as the long way does, whatever the request${'PUBLIC_URL' in env ? ', also behind a proxy @long' : ''}`, async () => {
      const site = await openSite(env)
      try {
        await compare(site)
      } finally {
        await site.close()
      }
    })
  }

  describe('for pages', () => {
    let site: Site
    let ann: Visitor
    let bob: Visitor
    let uri: string

    beforeEach(async () => {
      site = await openSite()
      ;({ ann, bob, uri } = await chatOf(site))
    })
    afterEach(() => site.close())

    it('are taken for pages that are opened again, and for polls, and leave out neither their lines in the log nor the reader’s presence', async () => {
      assert.deepEqual(await shortOf(() => open(bob)), [['/chats/:uri', 200]])
      const [line = ''] = site.log.filter(line => line.includes('"short":true'))
      assert.match(line, /"user":2/)
      assert.ok(!line.includes(uri))
      await site.live.presence.tell()
      await site.pool.query("update members set seen_at = now() - interval '1 hour'")
      await open(bob)
      await site.live.presence.tell()
      const { rows } = await site.pool.query("select from members where seen_at > now() - interval '1 minute'")
      assert.equal(rows.length, 1)
    })

    it('are taken right after a message of one’s own, which the page shows', async () => {
      await bob.post(`/chats/${uri}/messages`, { message: 'just *now*' })
      assert.deepEqual(
        await shortOf(async () => {
          assert.match((await bob.get(`/chats/${uri}`)).text, /just <strong>now<\/strong>|just <em>now<\/em>/)
        }),
        [['/chats/:uri', 200]],
      )
    })

    it('are not taken where something is new, or the browser knows of something newer', async () => {
      await ann.post(`/chats/${uri}/messages`, { message: 'news' })
      assert.deepEqual(await shortOf(() => open(bob)), [])
      assert.equal((await shortOf(() => open(bob))).length, 1)
      bob.cookies.set('at', '9999')
      assert.deepEqual(await shortOf(() => open(bob)), [])
    })

    it('are not taken where the use of a session is to be written', async () => {
      await site.pool.query("update sessions set last_used_at = now() - interval '11 minutes'")
      await site.pool.query('update users set version = version + 1')
      // Polls write nothing, and bring the session into memory again.
      const poll = () => bob.htmx('GET', `/chats/${uri}/messages?after=${site.live.remembered(uri, 2)?.feed.version}`)
      await until(async () => (await statementsOf(poll)).length > 0)
      assert.equal((await statementsOf(poll)).length, 0)
      const statements = await statementsOf(() => open(bob))
      assert.match(statements[0]?.text ?? '', /update "?sessions/)
      assert.equal((await shortOf(() => open(bob))).length, 1)
    })

    it('are closed to who has signed out or was removed', async () => {
      await removeMember(site, uri, 'bob')
      // A visit would let them in again.
      await until(async () => !(await bob.get(`/chats/${uri}`, { purpose: 'prefetch' })).text.includes('id="log"'))
      await open(ann)
      const cookie = ann.cookies.get('sid') ?? ''
      await ann.post('/logout')
      ann.cookies.set('sid', cookie)
      assert.doesNotMatch((await ann.get(`/chats/${uri}`)).text, /id="log"/)
    })

    it('lead the long way where they fail', async () => {
      const { live } = site
      const fails = () => {
        throw new Error('a fault')
      }
      Object.assign(live, { isIdle: fails, identified: fails })
      assert.deepEqual(await shortOf(() => open(bob)), [])
      assert.equal((await bob.htmx('GET', `/chats/${uri}/messages?after=1`)).status, 200)
    })

    /** The routes and statuses of what was answered by short ways meanwhile. */
    async function shortOf(act: () => Promise<unknown>): Promise<[string, number][]> {
      site.log.length = 0
      await act()
      return site.log
        .map(line => JSON.parse(line))
        .filter(line => line.short)
        .map(({ route, status }) => [route, status])
    }

    async function open(visitor: Visitor) {
      const { status, text } = await visitor.get(`/chats/${uri}`)
      assert.equal(status, 200)
      assert.match(text, /id="log"/)
    }
  })

  it('are counted against the rate limits of reading', async () => {
    const site = await openSite({ LIMITS: 'on' })
    try {
      const { bob, uri } = await chatOf(site)
      await withClockStopped(async () => {
        let { status } = await bob.get(`/chats/${uri}`)
        while (status === 200) {
          ;({ status } = await bob.get(`/chats/${uri}`))
        }
        assert.equal(status, 429)
        assert.ok(site.log.filter(line => line.includes('"short":true')).length > 50)
        const long = await bob.get(`/chats/${uri}`, LONG_WAY)
        assert.equal(long.status, 429)
        assert.ok(Number(long.headers.get('retry-after')) > 0)
      })
    } finally {
      await site.close()
    }
  })
})

/** A chat with some messages that its owner and a member have read. */
async function chatOf(site: Site) {
  const ann = await new Visitor(site).signUp('ann')
  const bob = await new Visitor(site).signUp('bob')
  const uri = await ann.startChat()
  for (const visitor of [ann, bob, ann]) {
    await visitor.get(`/chats/${uri}`)
    await visitor.post(`/chats/${uri}/messages`, { message: `hello of ${visitor.csrf.slice(0, 3)} ü <b>` })
  }
  for (const visitor of [ann, bob, ann, bob]) {
    visitor.cookies.delete('at')
    await visitor.get(`/chats/${uri}`)
  }
  return { ann, bob, uri }
}

/** Sends some hundred requests both ways. */
async function compare(site: Site) {
  const { ann, bob, uri } = await chatOf(site)
  const carl = await new Visitor(site).signUp('carl')
  await carl.get(`/chats/${uri}`)
  await bob.get(`/chats/${uri}`)
  const version = site.live.remembered(uri, 2)?.feed.version ?? 0
  const sid = sessionCookie(site.secure)
  const key = bob.cookies.get(sid) ?? ''
  const random = randomNumbers(3)
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  // The first of each is what is asked most often, and comes up every other time.
  const some = <T>(values: readonly T[]): T => (random() < 0.6 ? (values[0] as T) : oneOf(values))

  site.log.length = 0
  for (let count = 0; count < 600; count++) {
    const path = some([
      oneOf([`/chats/${uri}`, `/chats/${uri}/messages?after=${version}`, '/']),
      '/?',
      '/?before=1-1',
      '//',
      `/chats/${uri}?`,
      `/chats/${uri}?x=1`,
      `/chats/${uri}?reply=2`,
      `/chats/${uri}?before=3`,
      `/chats/${uri}/`,
      `/chats/${uri}#x`,
      `/chats/${uri}.`,
      `/CHATS/${uri}`,
      `/api/chats/${uri}`,
      `/chats/${uri.slice(1)}${uri[0]}`,
      `/chats/%41${uri.slice(1)}`,
      `http://elsewhere.example/chats/${uri}`,
      `/chats/${uri}/messages`,
      `/chats/${uri}/messages?after=0${version}`,
      `/chats/${uri}/messages?after=${version - 1}`,
      `/chats/${uri}/messages?after=${version + 1}`,
      `/chats/${uri}/messages?after=${version}&live=0`,
      `/chats/${uri}/messages?after=${version}.0`,
      `/chats/${uri}/messages/?after=${version}`,
    ])
    const cookie = some([
      `${sid}=${key}`,
      ` x=1;${sid}=${key}; y=2`,
      `${sid}="${key}"`,
      `${sid}=; ${sid}=${key}`,
      `${sid}=${key}; ${sid}=x`,
      `${sid}=${key}x`,
      `${sid}=${'x'.repeat(200)}`,
      `x${sid}=${key}`,
      `${sid}=${key}; at=1`,
      `${sid}=${key}; at=99999`,
      `${sid}=${key}; at=rubbish`,
      `${sid}=${key}; ${site.secure ? '__Host-' : ''}preferences=dark.large.newline`,
      `${sid}=${key}; preferences=dark`,
      `${sid}=${ann.cookies.get(sid)}`,
      `${sid}=${carl.cookies.get(sid)}`,
      '',
    ])
    const headers: Record<string, string> = {
      host: some(['127.0.0.1:8000', 'localhost', 'one.example', 'ONE.example:80', '[::1]:8000', 'x_y.example']),
      accept: some([
        'text/html',
        '*/*',
        'text/html;q=0.5, application/json',
        'application/json',
        'rubbish',
        '',
        'image/png',
      ]),
      'accept-encoding': some(['gzip', 'gzip;q=0', '*', 'identity;q=0', 'br', '', 'gzip;q=x', 'br, gzip;q=0.2']),
      ...(cookie ? { cookie } : {}),
      ...(path.includes('/messages') || random() < 0.1 ? { 'hx-request': some(['true', 'TRUE', 'false', '']) } : {}),
      ...oneOf([
        {},
        {},
        {},
        { 'sec-purpose': 'prefetch' },
        { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' },
        { 'x-forwarded-for': '203.0.113.7, nothing' },
        { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' },
        { 'if-none-match': '*', range: 'bytes=0-10' },
        { referer: 'https://elsewhere.example/' },
        { origin: 'https://elsewhere.example' },
        { connection: 'close' },
        { upgrade: 'h2c', connection: 'upgrade' },
        { 'content-length': '0' },
        { 'x-request-id': 'asked' },
        { 'x-request-id': 'not like that' },
      ]),
    }
    const method = some(['GET', 'HEAD', 'OPTIONS'])
    const say = JSON.stringify({ method, path, headers })
    const short = await send(site, method, path, headers)
    const long = await send(site, method, path, { ...headers, ...LONG_WAY })
    assert.equal(short.status, long.status, say)
    assert.deepEqual(short.headers, long.headers, say)
    assert.equal(short.length, long.length, say)
    assert.equal(short.text, long.text, say)
  }
  const taken = site.log.map(line => JSON.parse(line)).filter(line => line.short)
  for (const status of [200, 204]) {
    const count = taken.filter(line => line.status === status).length
    assert.ok(count > 20, `${count} answers with ${status}`)
  }
  assert.ok(taken.filter(line => line.route === '/').length > 20)
  assert.deepEqual(
    await ofOldClient(site, uri, `${sid}=${key}`, ''),
    await ofOldClient(site, uri, `${sid}=${key}`, 'Authorization:\r\n'),
  )
}

interface Sent {
  status: number
  headers: IncomingHttpHeaders
  /** Of the body as it was sent. */
  length: number
  text: string
}

function send(site: Site, method: string, path: string, headers: Record<string, string>): Promise<Sent> {
  const { hostname, port } = new URL(site.url)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, setHost: false, agent: false }, async answer => {
      const body = Buffer.concat(await answer.toArray())
      const { date, ...rest } = answer.headers
      const isCompressed = rest['content-encoding'] === 'gzip' && body.length > 0
      resolve({
        status: answer.statusCode ?? 0,
        headers: withoutRandom(rest),
        length: body.length,
        text: withoutKeys((isCompressed ? gunzipSync(body) : body).toString()),
      })
    })
    sent.on('error', reject).end()
  })
}

/** What proxies send: HTTP/1.0, with gzip. */
async function ofOldClient(site: Site, uri: string, cookie: string, more: string): Promise<string> {
  const { hostname, port } = new URL(site.url)
  const socket = connect(Number(port), hostname)
  socket.end(
    `GET /chats/${uri} HTTP/1.0\r\nHost: x.example\r\nAccept-Encoding: gzip\r\nCookie: ${cookie}\r\n${more}\r\n`,
  )
  const answer = await textOf(socket.setEncoding('latin1'))
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
  assert.match(head, /content-encoding: gzip/i)
  const page = gunzipSync(Buffer.from(answer.slice(head.length + 4), 'latin1')).toString()
  assert.ok(body.length > 0)
  return (
    head
      .split('\r\n')
      .filter(line => !/^(date|x-request-id):/i.test(line))
      .sort()
      .join('\n') + withoutKeys(page)
  )
}

/** Cookies of visitors are another each time. */
function withoutRandom({ 'set-cookie': cookies, ...rest }: IncomingHttpHeaders): IncomingHttpHeaders {
  const headers = rest['x-request-id'] === 'asked' ? rest : { ...rest, 'x-request-id': typeof rest['x-request-id'] }
  return cookies ? { ...headers, 'set-cookie': cookies.map(cookie => cookie.replace(/=[^;]*/, '')) } : headers
}

/** The page without what is another each time: keys, and the tokens of visitors. */
function withoutKeys(html: string): string {
  const settled = html.replace(/name="key" value="[\w-]+"/g, '')
  return html.includes('id="log"') ? settled : settled.replace(/(name="csrf" value=|"X-CSRF-Token":)"[\w-]+"/g, '')
}
