import assert from 'node:assert/strict'
import { deleteExpired } from '../../src/db/expiry.js'
import { assertProblem } from '../input/answers.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents, openSocket } from '../support/streams.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

const ORIGIN = 'https://app.example.org'

describe('tickets for pages of other origins', () => {
  let site: Site
  let beside: Site
  let ann: Program
  let uri: string
  before(async () => {
    site = await openSite({ CORS_ORIGINS: `${ORIGIN} https://other.example` })
    beside = await openSite({ CORS_ORIGINS: '*' }, site)
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  afterEach(cutStreams)
  after(async () => {
    await beside.close()
    await site.close()
  })

  async function ticketOf(program: Program): Promise<string> {
    return (await program.call('POST', '/api/tickets/', undefined, { origin: ORIGIN })).json.ticket
  }

  /** What a page of another origin asks: without a token. */
  const ask = (path: string, origin = ORIGIN, at = site) => openEvents(at, path, undefined, { origin })

  async function isRefused(path: string, headers: Record<string, string> = { origin: ORIGIN }, at = site) {
    const answer = await new Program(at).call('GET', path, undefined, headers)
    assertProblem(answer, 401)
    assert.equal(answer.json.code, 'invalid_ticket')
    return answer
  }

  it('are made by a token, for pages of an origin that may call the API', async () => {
    const by = (body?: unknown, headers: Record<string, string> = {}) =>
      ann.call('POST', '/api/tickets/', body, headers)
    for (const made of [await by(undefined, { origin: ORIGIN }), await by({ origin: ORIGIN })]) {
      assert.equal(made.status, 201)
      assert.match(made.json.ticket, /^[\w-]{43}$/)
      assert.equal(made.json.origin, ORIGIN)
      const lasts = Date.parse(made.json.expires_at) - Date.now()
      assert.ok(lasts > 0 && lasts <= 31_000, String(lasts))
      assert.ok((await ask(`/api/live/?ticket=${made.json.ticket}`)).status === 200)
    }
    const preflight = await new Program(site).call('OPTIONS', '/api/tickets/', undefined, {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    })
    assert.equal(preflight.headers.get('access-control-allow-origin'), ORIGIN)
    for (const [body, headers, code] of [
      [undefined, {}, 'required'],
      [{ origin: 'https://evil.example' }, {}, 'not_offered'],
      [undefined, { origin: 'https://evil.example' }, 'not_offered'],
      [undefined, { origin: 'null' }, 'invalid'],
      [{ origin: `${ORIGIN}/path` }, {}, 'invalid'],
      [{ origin: 7 }, {}, 'wrong_type'],
    ] as const) {
      const refused = await by(body, headers)
      assertProblem(refused, 422)
      assert.deepEqual(refused.json.field_codes, { origin: [code] })
    }
    const vic = await new Visitor(site).signUp('vic')
    assertProblem(await vic.send('POST', '/api/tickets/', undefined, { origin: site.url }), 401)
    assert.equal(
      (await new Program(beside, ann.token).call('POST', '/api/tickets/', { origin: 'http://any' })).status,
      201,
    )
  })

  it('open a stream of a chat, one of all chats, and a WebSocket, as the user of the token', async () => {
    const one = await ask(`/api/chats/${uri}/live/?after=0&ticket=${await ticketOf(ann)}`)
    const all = await ask(`/api/live/?ticket=${await ticketOf(ann)}`)
    for (const { status, headers } of [one, all]) {
      assert.equal(status, 200)
      assert.equal(headers.get('access-control-allow-origin'), ORIGIN)
      assert.equal(headers.get('access-control-allow-credentials'), null)
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('set-cookie'), null)
    }
    const socket = await openSocket(site, `/api/live/?ticket=${await ticketOf(ann)}`, undefined, { origin: ORIGIN })
    assert.equal((await socket.ask({ uri, message: 'by a socket', key: 'k' })).status, 'SUCCESS')
    await one.first(({ data }) => data?.includes('by a socket') === true)
    await all.first(({ data }) => data?.includes('by a socket') === true)
    assert.equal((await socket.next()).user.username, 'ann')
  })

  it('count alone: neither a session nor another token beside them', async () => {
    const bob = await new Visitor(site).signUp('bob')
    const eve = await signUpProgram(site, 'eve')
    const headers = { origin: ORIGIN, authorization: `Token ${eve.token}` }
    const stream = await openEvents(site, `/api/chats/${uri}/live/?ticket=${await ticketOf(ann)}`, bob, headers)
    assert.equal(stream.status, 200)
    const none = await openEvents(site, `/api/chats/${uri}/live/?ticket=${'x'.repeat(43)}`, ann, { origin: ORIGIN })
    assert.equal(none.status, 401)
  })

  it('are used up by the first who comes, in whatever process', async () => {
    const ticket = await ticketOf(ann)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => ask(`/api/live/?ticket=${ticket}`, ORIGIN, n % 2 ? beside : site)),
    )
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [200, ...Array(11).fill(401)])
    await isRefused(`/api/live/?ticket=${ticket}`)
    await isRefused(`/api/live/?ticket=${ticket}`, { origin: ORIGIN }, beside)
  })

  it('are of no use to pages of another origin, and then to nobody', async () => {
    for (const headers of [{ origin: 'https://other.example' }, {}] as Record<string, string>[]) {
      const ticket = await ticketOf(ann)
      await isRefused(`/api/live/?ticket=${ticket}`, headers)
      await isRefused(`/api/live/?ticket=${ticket}`)
    }
  })

  it('last for 30 seconds, and are deleted after it', async () => {
    const ticket = await ticketOf(ann)
    const late = await ticketOf(ann)
    await site.pool.query("update tickets set created_at = created_at - interval '29 seconds'")
    assert.equal((await ask(`/api/live/?ticket=${ticket}`)).status, 200)
    await site.pool.query("update tickets set created_at = created_at - interval '2 seconds'")
    await isRefused(`/api/live/?ticket=${late}`)
    const kept = await ticketOf(ann)
    await ticketOf(ann)
    await site.pool.query(
      "update tickets set created_at = created_at - interval '31 seconds' where ticket_hash <> sha256($1::bytea)",
      [Buffer.from(kept)],
    )
    await deleteExpired(site.db)
    assert.equal((await site.pool.query('select from tickets')).rowCount, 1)
    assert.equal((await ask(`/api/live/?ticket=${kept}`)).status, 200)
  })

  it('open streams alone', async () => {
    const ticket = await ticketOf(ann)
    for (const path of ['/api/events/', '/api/chats/', `/api/chats/${uri}/messages/`, '/api/account/']) {
      const answer = await new Program(site).call('GET', `${path}?ticket=${ticket}`, undefined, { origin: ORIGIN })
      assertProblem(answer, 422)
      assert.deepEqual(answer.json.field_codes, { ticket: ['unknown_field'] })
    }
    // What the pages themselves ask for takes none either.
    for (const path of [`/chats/${uri}/live`, '/live']) {
      const answer = await new Visitor(site).get(`${path}?ticket=${ticket}`, { origin: ORIGIN })
      assert.equal(answer.status, 401)
    }
    for (const [wrong, code] of [
      ['', 'invalid'],
      ['x', 'invalid'],
      [`${ticket}&ticket=${ticket}`, 'wrong_type'],
    ]) {
      const answer = await new Program(site).call('GET', `/api/live/?ticket=${wrong}`, undefined, { origin: ORIGIN })
      assertProblem(answer, 422)
      assert.deepEqual(answer.json.field_codes, { ticket: [code] })
    }
    assert.equal((await ask(`/api/live/?ticket=${ticket}`)).status, 200)
  })

  it('open no more than their token may read, and post no more than it may', async () => {
    const elsewhere = await ann.startChat()
    const made = async (fields: object) =>
      new Program(site, (await ann.call('POST', '/api/account/tokens/', { name: 'page', ...fields })).json.auth_token)
    const [reader, bound] = [await made({ scopes: ['read'] }), await made({ scopes: ['read', 'post'], chat: uri })]
    const through = async (program: Program, path: string) => {
      const answer = await ask(`${path}?ticket=${await ticketOf(program)}`)
      return answer.status
    }
    assert.equal(await through(reader, '/api/live/'), 200)
    assert.equal(await through(bound, `/api/chats/${uri}/live/`), 200)
    assert.equal(await through(bound, `/api/chats/${elsewhere}/live/`), 403)
    assert.equal(await through(bound, '/api/live/'), 403)
    const codeBy = async (program: Program) => {
      const path = `/api/chats/${uri}/live/?ticket=${await ticketOf(program)}`
      const socket = await openSocket(site, path, undefined, { origin: ORIGIN })
      const { status, code } = await socket.ask({ message: 'by a page', key: program.token })
      return status === 'SUCCESS' ? status : code
    }
    assert.equal(await codeBy(reader), 'insufficient_scope')
    assert.equal(await codeBy(bound), 'SUCCESS')
  })

  it('end with their token: what they have opened, and those that were not used', async () => {
    const fay = await signUpProgram(site, 'fay')
    await fay.join(uri)
    const unused = await ticketOf(fay)
    const streams = await Promise.all(
      [`/api/live/?`, `/api/chats/${uri}/live/?`].flatMap(path =>
        [site, beside].map(async at => ask(`${path}ticket=${await ticketOf(fay)}`, ORIGIN, at)),
      ),
    )
    const ticket = await ticketOf(fay)
    const socket = await openSocket(beside, `/api/live/?ticket=${ticket}`, undefined, { origin: ORIGIN })
    await until(() => streams.every(({ sent }) => sent.some(({ event }) => event === 'ready')))
    await fay.call('POST', '/auth/token/destroy/')
    for (const stream of streams) {
      const { data = '' } = await stream.first(({ event }) => event === 'gone')
      assert.deepEqual(JSON.parse(data), { event: 'gone', reason: 'signed_out' })
      assert.equal(await stream.over(), 'end')
    }
    assert.equal((await socket.closed()).code, 1008)
    await isRefused(`/api/live/?ticket=${unused}`)
  })

  it('are in no log and in no answer', async () => {
    const tickets = await Promise.all([ticketOf(ann), ticketOf(ann), ticketOf(ann)])
    const [good, foreign, wrong] = tickets
    site.log.length = 0
    const stream = await ask(`/api/live/?ticket=${good}`)
    const refused = await isRefused(`/api/live/?ticket=${foreign}`, { origin: 'https://other.example' })
    const answers = [
      refused,
      await isRefused(`/api/live/?ticket=${good}`),
      await new Program(site).call('GET', `/api/live/?ticket=${wrong}&ticket=x`, undefined, { origin: ORIGIN }),
      await new Program(site).call('GET', `/api/live/?ticket=${wrong}&after=x`, undefined, { origin: ORIGIN }),
      await new Program(site).call('GET', `/api/chats/?ticket=${wrong}`, undefined, { origin: ORIGIN }),
      await new Visitor(site).get('/', { referer: `${site.url}/api/live/?ticket=${wrong}` }),
      await new Visitor(site).get('/nowhere', { referer: `${site.url}/api/live/?ticket=${wrong}` }),
    ]
    await until(() => site.log.filter(line => line.includes('"route":"/live"')).length >= 4)
    await site.pool.query('alter table tickets rename to tickets_away')
    const failed = await new Program(site).call('GET', `/api/live/?ticket=${wrong}`, undefined, { origin: ORIGIN })
    await site.pool.query('alter table tickets_away rename to tickets')
    assert.equal(failed.status, 500)
    assert.equal(refused.headers.get('referrer-policy'), 'no-referrer')
    const told = [
      ...site.log,
      stream.text,
      ...[...answers, failed].flatMap(({ text, headers }) => [text, JSON.stringify([...headers])]),
    ].join('\n')
    for (const ticket of tickets) {
      assert.ok(ticket && !told.includes(ticket), told)
    }
  })
})
