import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { Program, Visitor } from '../support/visitor.js'

describe('the log', () => {
  let site: Site
  let lines: string[]
  /** What must never be in it. */
  const secrets: Record<string, string> = {}
  before(async () => {
    site = await openSite({ LIMITS: 'on' })
    const password = 'secret-password-1'
    const email = 'secret-address@example.org'
    const message = 'secret-message-1'
    const title = 'secret-title-1'
    const idempotencyKey = 'secret-key-1'
    const next = '/secret-next-1'
    const wrong = 'secret-password-2'

    const ann = new Visitor(site)
    await ann.get(`/login?next=${next}`)
    await ann.post('/login', { username: 'ann', password: wrong, next })
    await ann.post('/signup', { username: 'ann', password: 'x', email })
    await ann.post('/signup', { username: 'ann', password, email, next })
    await ann.get('/')
    const uri = await ann.startChat()
    await ann.get(`/chats/${uri}`)
    await ann.post(`/chats/${uri}/messages`, { message, key: idempotencyKey })
    await ann.post(`/chats/${uri}/messages`, { message: `${message} other`, key: idempotencyKey })
    await ann.post(`/chats/${uri}/messages`, { message: message.padEnd(3000, 'x') })
    await ann.post(`/chats/${uri}/messages`, { message, csrf: 'wrong' })
    await ann.htmx('GET', `/chats/${uri}/messages?after=0`)
    await ann.htmx('POST', `/chats/${uri}/messages`, { message, after: '0' })
    await ann.get(`/chats/${uri}/nothing`)
    await ann.get(`/chats/${uri}x`)
    await new Visitor(site).get(`/chats/${uri}`)
    await new Visitor(site).get(`/reset/secret-reset-1`)

    const login = { username: 'ann', password }
    const program = new Program(
      site,
      (await new Program(site).call('POST', '/auth/token/create/', login)).json.auth_token,
    )
    await program.call('POST', '/api/chats/', { title })
    await program.post(uri, message, { 'idempotency-key': idempotencyKey })
    await program.post(uri, `${message}\0`)
    await program.call('GET', `/api/chats/${uri}/messages/?after=x`)
    await new Program(site, 'secret-token-1').call('GET', `/api/chats/${uri}/`)

    // What the database refuses carries the row in its error.
    await site.pool.query("alter table events add constraint never check (text not like '%secret%') not valid")
    const failed = [
      await ann.post(`/chats/${uri}/messages`, { message }),
      await program.post(uri, message),
      await ann.htmx('POST', `/chats/${uri}/messages`, { message }),
    ]
    assert.deepEqual(
      failed.map(answer => answer.status),
      [500, 500, 500],
    )
    await site.pool.query('alter table users rename to users_gone')
    await ann.get(`/chats/${uri}`)
    await program.call('GET', `/api/chats/${uri}/messages/`)
    await new Visitor(site).post('/login', { username: 'ann', password })
    await site.pool.query('alter table users_gone rename to users')

    Object.assign(secrets, {
      password,
      'wrong password': wrong,
      email,
      message,
      title,
      'idempotency key': idempotencyKey,
      next: 'secret-next-1',
      'reset link': 'secret-reset-1',
      'unknown token': 'secret-token-1',
      uri,
      token: program.token ?? '',
      'form token': ann.csrf,
      // A chat's version is no secret.
      ...Object.fromEntries(
        [...ann.cookies].filter(([name]) => name !== 'at').map(([name, value]) => [`cookie ${name}`, value]),
      ),
    })
    lines = site.log
  })
  after(() => site.close())

  it('has a line for each request: its route, status, time and user', () => {
    const parsed = lines.map(line => JSON.parse(line))
    const posts = parsed.filter(line => line.method === 'POST' && /messages/.test(line.route ?? ''))
    assert.ok(posts.length >= 8)
    for (const line of posts) {
      assert.ok(line.route.includes(':uri'))
      assert.equal(typeof line.status, 'number')
      assert.equal(typeof line.ms, 'number')
    }
    assert.ok(parsed.some(line => line.status === 403) && parsed.some(line => line.user !== null))
  })

  it('says what went wrong here', () => {
    assert.ok(lines.some(line => line.includes('relation')))
    assert.ok(lines.some(line => JSON.parse(line).status === 500 && JSON.parse(line).err))
  })

  it('holds no chat’s URI, password, token, cookie, e-mail address or text, errors included', () => {
    assert.ok(Object.keys(secrets).length >= 13)
    for (const [what, secret] of Object.entries(secrets)) {
      assert.ok(secret.length >= 10, what)
      assert.deepEqual(
        lines.filter(line => line.includes(secret)),
        [],
        `${what} is in the log`,
      )
    }
  })

  it('is one JSON text a line, whatever is asked for', async () => {
    await new Visitor(site).get('/%0a%0d%1b[31m{"level":60}%E2%80%A8')
    await new Visitor(site).get('/nothing', { 'user-agent': 'x"}{"' })
    for (const line of lines) {
      assert.equal(line.trimEnd().split('\n').length, 1)
      JSON.parse(line)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(line.trimEnd(), /[\u0000-\u001f\u2028\u2029\u202e]/)
    }
  })

  describe('of what a page’s policy forbade, as browsers report it', () => {
    const report = (fields: unknown) =>
      new Visitor(site).send('POST', '/csp-reports', JSON.stringify({ 'csp-report': fields }), {
        'content-type': 'application/csp-report',
        'sec-fetch-site': 'same-origin',
        origin: site.url,
      })

    it('names the directive and no address: a chat’s page is reported by its URI', async () => {
      const before = lines.length
      const secret = 'https://chat.example/chats/secret-uri-of-a-chat?x=secret-query'
      const answer = await report({
        'effective-directive': 'script-src-elem',
        'document-uri': secret,
        'blocked-uri': secret,
        referrer: secret,
        'script-sample': 'secret-sample',
      })
      assert.equal(answer.status, 204)
      const written = lines.slice(before).join('')
      assert.match(written, /script-src-elem/)
      assert.doesNotMatch(written, /secret/)
    })

    it('cannot be forged into other lines, and is no fault whatever it holds', async () => {
      const forged = 'x\n{"level":60}\u001b[31m\u2028\u202e'
      for (const fields of [{ 'effective-directive': forged }, forged, null, [], 5, { 'effective-directive': {} }]) {
        const answer = await report(fields)
        assert.ok(answer.status < 500, String(answer.status))
      }
      for (const line of lines) {
        JSON.parse(line)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        assert.doesNotMatch(line.trimEnd(), /[\u0000-\u001f\u2028\u2029\u202e]/)
      }
    })

    it('is limited for each address', async () => {
      const before = lines.length
      await Promise.all(Array.from({ length: 30 }, () => report({ 'effective-directive': 'style-src-attr' })))
      const written = lines.slice(before).filter(line => line.includes('style-src-attr'))
      assert.ok(written.length < 10, String(written.length))
    })
  })
})
