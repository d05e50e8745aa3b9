import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { assertProblem } from '../input/answers.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('X-Request-Id', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const ask = (id: string | undefined, path = '/api/chats/') =>
    new Visitor(site).send('GET', path, undefined, { accept: '*/*', ...(id ? { 'x-request-id': id } : {}) })

  it('comes back as it was sent, and is in the log', async () => {
    site.log.length = 0
    const { headers } = await ask('req-1.2:3/x+=')
    assert.equal(headers.get('x-request-id'), 'req-1.2:3/x+=')
    assert.equal(JSON.parse(site.log.find(line => line.includes('"route"')) ?? '').request, 'req-1.2:3/x+=')
  })

  it('is made where none was sent, or one that is long or of other signs', async () => {
    for (const id of [undefined, 'x'.repeat(65), 'a b', '"quoted"', 'é']) {
      site.log.length = 0
      const made = (await ask(id)).headers.get('x-request-id') ?? ''
      assert.match(made, /^[\w-]{16}$/)
      assert.ok(site.log.some(line => line.includes(`"request":"${made}"`)))
      assert.notEqual((await ask(id)).headers.get('x-request-id'), made)
    }
  })

  it('is on pages, and on fragments only where it was sent', async () => {
    assert.match((await ask(undefined, '/help')).headers.get('x-request-id') ?? '', /^[\w-]{16}$/)
    const visitor = await new Visitor(site).signUp('ann')
    const poll = `/chats/${await visitor.startChat()}/messages?after=1`
    assert.equal((await visitor.htmx('GET', poll)).status, 204)
    for (const more of ['', '&other=1']) {
      assert.equal((await visitor.htmx('GET', poll + more)).headers.get('x-request-id'), null)
      const sent = await visitor.htmx('GET', poll + more, undefined, { 'x-request-id': 'from-a-proxy' })
      assert.equal(sent.status, 204)
      assert.equal(sent.headers.get('x-request-id'), 'from-a-proxy')
    }
  })
})

describe('Accept', () => {
  let site: Site
  let ann: Program
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  after(() => site.close())

  const asked = (method: string, path: string, accept: string) => ann.call(method, path, undefined, { accept })

  it('is refused with 406 where an address for programs has nothing of it, before anything is done', async () => {
    for (const [method, path, accept, has] of [
      ['GET', '/api/chats/', 'text/html', 'application/json'],
      ['HEAD', '/api/chats/', 'image/*', ''],
      ['GET', `/api/chats/${uri}/`, 'application/xml, application/json;q=0', 'application/json'],
      ['POST', '/api/chats/', 'text/csv', 'application/json'],
      ['GET', '/api/live/', 'text/html', 'text/event-stream'],
      ['GET', `/api/chats/${uri}/exports/csv/`, 'image/png', 'text/csv'],
    ] as const) {
      const refused = await asked(method, path, accept)
      assert.equal(refused.status, 406, `${path} ${accept}`)
      if (method !== 'HEAD') {
        assertProblem(refused, 406)
        assert.equal(refused.json.code, 'not_acceptable')
        assert.ok(refused.json.detail.includes(has), refused.json.detail)
      }
    }
    assert.equal((await ann.call('GET', '/api/chats/')).json.chats.length, 1)
  })

  it('is satisfied by a part of it, or by nothing where nothing in it can be read', async () => {
    for (const accept of [
      '*/*',
      'application/*',
      'application/problem+json',
      'text/plain',
      'text/html,application/xhtml+xml,*/*;q=0.8',
      'image/png, application/json;q=0.1',
      '',
      'rubbish',
      ';;,=',
    ]) {
      assert.equal((await asked('GET', '/api/chats/', accept)).status, 200, accept)
    }
    assert.equal((await asked('GET', `/chats/${uri}`, 'image/png')).status, 200)
    assert.equal((await asked('GET', `/api/chats/${uri}/exports/csv/`, 'text/*')).status, 200)
    const csv = await asked('GET', `/api/chats/${uri}/exports/csv/`, 'application/json')
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/)
  })
})

describe('RateLimit', () => {
  let free: Site
  let site: Site
  let ann: Program
  let uri: string
  before(async () => {
    free = await openSite()
    site = await openSite({ LIMITS: 'on' }, free)
    const program = await signUpProgram(free, 'ann')
    uri = await program.startChat()
    ann = new Program(site, program.token)
  })
  after(async () => {
    await site.close()
    await free.close()
  })

  it('says what is left, on each answer that was counted', async () => {
    const list = await ann.call('GET', `/api/chats/${uri}/messages/`)
    const { burst, seconds } = LIMITS.lists
    assert.match(
      list.headers.get('ratelimit-policy') ?? '',
      new RegExp(`^"lists";q=${burst};w=${burst * seconds}, "addressLists";q=1000;w=25$`),
    )
    assert.match(list.headers.get('ratelimit') ?? '', /^"lists";r=99;t=1, "addressLists";r=999;t=1$/)
    const posted = await ann.post(uri, 'hello')
    assert.equal(posted.headers.get('ratelimit'), `"posts";r=${LIMITS.posts.burst - 1};t=1`)
    const account = await ann.call('GET', '/api/account/')
    assert.equal(account.headers.get('ratelimit'), null)
    const unlimited = new Program(free, ann.token)
    assert.equal((await unlimited.post(uri, 'hello')).headers.get('ratelimit'), null)
  })

  it('names the limit that refuses', async () => {
    let refused = await ann.call('PUT', `/api/chats/${uri}/read/`, { version: 1 })
    while (refused.status !== 429) {
      refused = await ann.call('PUT', `/api/chats/${uri}/read/`, { version: 1 })
    }
    assertProblem(refused, 429)
    assert.equal(refused.json.code, 'rate_limited')
    assert.equal(refused.headers.get('ratelimit-policy'), `"reads";q=${LIMITS.reads.burst};w=${LIMITS.reads.burst}`)
    assert.match(refused.headers.get('ratelimit') ?? '', /^"reads";r=0;t=\d+$/)
    let login = await new Program(site).call('POST', '/auth/token/create/', { username: 'ann', password: 'wrong' })
    while (login.status !== 429) {
      login = await new Program(site).call('POST', '/auth/token/create/', { username: 'ann', password: 'wrong' })
    }
    assert.match(login.headers.get('ratelimit') ?? '', /^"logins";r=0;t=\d+$/)
    assert.equal(login.headers.get('ratelimit-policy'), '"logins";q=10;w=900')
  })
})

describe('a message that is sent again with its key', () => {
  it('costs no turn, and is not refused where none is left', async () => {
    const free = await openSite()
    const site = await openSite({ LIMITS: 'on' }, free)
    const { token } = await signUpProgram(free, 'ann')
    const ann = new Program(site, token)
    const uri = await ann.startChat()
    const again = () => ann.post(uri, 'once', { 'idempotency-key': 'k' })
    const first = await again()
    assert.equal(first.status, 201)
    for (let times = 0; times < 2 * LIMITS.posts.burst; times++) {
      assert.equal((await again()).status, 200)
    }
    let fast = await ann.post(uri, 'another')
    assert.equal(fast.status, 201)
    while (fast.status !== 429) {
      const answers = await Promise.all(Array.from({ length: LIMITS.posts.burst }, () => ann.post(uri, 'another')))
      fast = answers.find(({ status }) => status === 429) ?? fast
    }
    const repeated = await Promise.all(Array.from({ length: LIMITS.posts.burst }, again))
    for (const { status, json } of repeated) {
      assert.equal(status, 200)
      assert.equal(json.id, first.json.id)
    }
    const other = await Promise.all(
      Array.from({ length: LIMITS.posts.burst }, (_, n) => ann.post(uri, 'new', { 'idempotency-key': `new ${n}` })),
    )
    assert.ok(other.some(({ status }) => status === 429))
    await site.close()
    await free.close()
  })
})
