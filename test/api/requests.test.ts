import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

const FORM = 'application/x-www-form-urlencoded'
const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'

/** What every call of the API has in common: paths, bodies, who asks, errors, other origins. */
describe('requests to the API', () => {
  let site: Site
  let anyone: Visitor
  let ann: Program
  let uri: string
  let count = 0
  before(async () => {
    site = await openSite({ CORS_ORIGINS: 'https://app.example http://localhost:8080' })
    anyone = new Visitor(site)
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  after(() => site.close())

  /** Every request of the API's table: what to send to its path, and the status of success. */
  function calls(): [method: string, path: string, fields: Record<string, string> | undefined, status: number][] {
    const username = `someone${++count}`
    return [
      ['POST', '/auth/users/create', { username, password: PASSWORD }, 201],
      ['POST', '/auth/token/create', { username, password: PASSWORD }, 200],
      ['GET', '/auth/tokens', undefined, 200],
      ['POST', '/api/chats', { title: 'A chat' }, 201],
      ['GET', '/api/chats', undefined, 200],
      ['PATCH', `/api/chats/${uri}`, { username: 'ann' }, 200],
      ['GET', `/api/chats/${uri}`, undefined, 200],
      ['GET', `/api/chats/${uri}/members`, undefined, 200],
      ['POST', `/api/chats/${uri}/messages`, { message: 'é😀<&' }, 201],
      ['GET', `/api/chats/${uri}/messages`, undefined, 200],
    ]
  }

  async function asAnn(method: string, path: string, body?: string | URLSearchParams | FormData, type?: string) {
    const headers = { authorization: `Token ${ann.token}`, ...(type ? { 'content-type': type } : {}) }
    return anyone.send(method, path, body, headers)
  }

  it('are also taken as newer clients of the original send them', async () => {
    const user = JSON.stringify({ username: 'newer', password: PASSWORD })
    const post = (path: string, body = '', headers = {}) =>
      anyone.send('POST', path, body, { 'content-type': 'application/json', ...headers })
    assert.equal((await post('/auth/users/', user)).status, 201)
    const { auth_token } = (await post('/auth/token/login/', user)).json
    const authorization = `JWT ${auth_token}`
    assert.equal((await anyone.send('GET', '/api/chats/', undefined, { authorization })).status, 200)
    assert.equal((await post('/auth/token/logout/', '', { authorization })).status, 204)
    assert.equal((await anyone.send('GET', '/api/chats/', undefined, { authorization })).status, 401)
  })

  it('that are compressed are refused with what is taken', async () => {
    const gzipped = gzipSync(JSON.stringify({ message: 'hello' }))
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
    const answer = await anyone.send('POST', `/api/chats/${uri}/messages/`, gzipped, {
      authorization: `Token ${ann.token}`,
      ...headers,
    })
    assert.equal(answer.status, 415)
    assert.equal(answer.headers.get('accept-encoding'), 'identity')
    assert.equal(answer.json.detail, 'Send the body as it is, not compressed.')
  })

  it('start one chat where they have one key, however often they are sent', async () => {
    const start = (key: string) => ann.call('POST', '/api/chats/', { title: 'once' }, { 'idempotency-key': key })
    const [first, second, other] = [await start('a'), await start('a'), await start('b')]
    assert.deepEqual([first.status, second.status], [201, 201])
    assert.equal(second.json.uri, first.json.uri)
    assert.notEqual(other.json.uri, first.json.uri)
    assert.equal(first.headers.get('location'), `${site.url}/api/chats/${first.json.uri}/`)
  })

  it('for whatever is read are answered 304 as long as it is the same', async () => {
    const ann = await signUpProgram(site, 'tagged')
    const uri = (await ann.call('POST', '/api/chats/', { title: 'before' })).json.uri
    const { id } = (await ann.post(uri, 'hello')).json
    const chat = `/api/chats/${uri}/`
    for (const path of [
      ...['/api/account/', '/api/chats/', '/api/search/?q=hello', '/auth/tokens/', '/api/openapi.json'],
      ...['', 'members/', 'invite/', 'settings/', 'bans/', 'messages/', `messages/${id}/`, 'search/?q=hello'].map(
        part => chat + part,
      ),
    ]) {
      const { status, headers } = await ann.call('GET', path)
      const tag = headers.get('etag') ?? ''
      assert.equal(status, 200, path)
      assert.match(tag, /^W\/"[\w.-]+"$/, path)
      for (const method of ['GET', 'HEAD']) {
        const again = await ann.call(method, path, undefined, { 'if-none-match': tag })
        assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', tag], path)
      }
    }
    const known = { 'if-none-match': (await ann.call('GET', chat)).headers.get('etag') ?? '' }
    await ann.call('PATCH', chat, { title: 'after' })
    const changed = await ann.call('GET', chat, undefined, known)
    assert.equal(changed.json.title, 'after')
    assert.notEqual(changed.headers.get('etag'), known['if-none-match'])
  })

  it('for a list that is known are answered 304, however its tag is written', async () => {
    const path = `/api/chats/${uri}/messages/`
    const etag = (await ann.call('GET', path)).headers.get('etag') ?? ''
    for (const tag of [etag, etag.replace('W/', ''), `"x", ${etag}`, '*', ' * ']) {
      assert.equal((await ann.call('GET', path, undefined, { 'if-none-match': tag })).status, 304, tag)
    }
    for (const tag of ['"x"', etag.replaceAll('"', ''), 'W/"*"']) {
      assert.equal((await ann.call('GET', path, undefined, { 'if-none-match': tag })).status, 200, tag)
    }
  })

  describe('a path', () => {
    for (const slash of ['', '/']) {
      it(`works ${slash ? 'with' : 'without'} a slash at its end, for every method, and is not redirected`, async () => {
        for (const [method, path, fields, status] of calls()) {
          const answer = await asAnn(method, path + slash, fields && JSON.stringify(fields), 'application/json')
          assert.equal(answer.status, status, `${method} ${path}${slash}: ${answer.text}`)
        }
        const { token } = await signUpProgram(site, `gone${++count}`)
        const headers = { authorization: `Token ${token}` }
        const { tokens } = (await anyone.send('GET', '/auth/tokens', undefined, headers)).json
        const login = { username: `gone${count}`, password: PASSWORD }
        const spare = (await asAnn('POST', '/auth/token/create', JSON.stringify(login), 'application/json')).json
        const removed = await anyone.send('DELETE', `/auth/tokens/${tokens[0].id}${slash}`, undefined, {
          authorization: `Token ${spare.auth_token}`,
        })
        assert.equal(removed.status, 204)
        const destroyed = await anyone.send('POST', `/auth/token/destroy${slash}`, undefined, {
          authorization: `Token ${spare.auth_token}`,
        })
        assert.equal(destroyed.status, 204)
      })
    }
  })

  describe('a body', () => {
    const bodies: Record<string, (fields: Record<string, string>) => Promise<[string | FormData, string | undefined]>> =
      {
        form: async fields => [new URLSearchParams(fields).toString(), FORM],
        'form with a charset': async fields => [new URLSearchParams(fields).toString(), `${FORM}; charset=UTF-8`],
        multipart: async fields => {
          const form = new FormData()
          for (const [name, value] of Object.entries(fields)) {
            form.append(name, value)
          }
          return [form, undefined]
        },
        JSON: async fields => [JSON.stringify(fields), 'application/json'],
        'JSON with a charset': async fields => [JSON.stringify(fields), 'Application/JSON; charset=utf-8'],
      }
    for (const [kind, encode] of Object.entries(bodies)) {
      it(`can be ${kind}, for every call`, async () => {
        for (const [method, path, fields, status] of calls()) {
          if (fields) {
            const [body, type] = await encode(fields)
            const answer = await asAnn(method, `${path}/`, body, type)
            assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`)
            if (fields.message) {
              assert.equal(answer.json.message, fields.message)
            }
          }
        }
      })
    }

    it('may be left out where every field may', async () => {
      assert.equal((await asAnn('POST', '/api/chats/')).status, 201)
      assert.equal((await asAnn('PATCH', `/api/chats/${uri}/`)).status, 200)
      assert.equal((await asAnn('POST', '/api/chats/', '', FORM)).status, 201)
      assert.equal((await asAnn('POST', '/api/chats/', '{}', 'application/json')).status, 201)
    })

    it('may hold fields that nobody knows, where other people’s clients call', async () => {
      const fields = { message: 'hello', owner_id: '1', author_id: '1', user: 'bob', version: '9' }
      const posted = await asAnn('POST', `/api/chats/${uri}/messages/`, JSON.stringify(fields), 'application/json')
      assert.equal(posted.status, 201)
      assert.equal(posted.json.user.username, 'ann')
    })

    it('of another type is refused with 415, as a problem', async () => {
      for (const type of ['text/plain', 'application/xml', 'application/octet-stream', 'text/html', 'nonsense', '']) {
        for (const path of ['/auth/users/create/', '/api/chats/', `/api/chats/${uri}/messages/`]) {
          const body = new TextEncoder().encode('message=hello')
          const answer = await anyone.send('POST', path, body, {
            authorization: `Token ${ann.token}`,
            ...(type ? { 'content-type': type } : {}),
          })
          assertProblem(answer, 415)
        }
      }
    })

    it('of malformed JSON is refused with 400, as a problem', async () => {
      for (const body of ['{', '{"message": "x"', "{'message': 'x'}", 'message=x', '{"message": "x"}}', '\ufeff{}x']) {
        assertProblem(await asAnn('POST', `/api/chats/${uri}/messages/`, body, 'application/json'), 400)
      }
    })
  })

  describe('cookies', () => {
    it('do not count beside an Authorization header: the token says who asks', async () => {
      const browser = await new Visitor(site).signUp('carla')
      const answer = await browser.send('POST', '/api/chats/', undefined, { authorization: `Token ${ann.token}` })
      assert.equal(answer.json.owner.username, 'ann')
      const stale = await browser.send('POST', '/api/chats/', undefined, { authorization: 'Token stale' })
      assertProblem(stale, 401)
    })

    it('of a session open /api/chats for reading, and with X-CSRF-Token for writing', async () => {
      const browser = await new Visitor(site).signUp('clara')
      const json = { 'content-type': 'application/json' }
      const token = { ...json, 'x-csrf-token': browser.csrf }
      const made = await browser.send('POST', '/api/chats/', '{}', token)
      assert.equal(made.status, 201)
      assert.equal(made.json.owner.username, 'clara')
      const chat = `/api/chats/${made.json.uri}`
      assert.equal((await browser.send('POST', `${chat}/messages/`, '{"message":"hello"}', token)).status, 201)
      assert.equal((await browser.send('PATCH', `${chat}/`, '{}', token)).status, 200)
      assert.equal((await browser.send('GET', `${chat}/messages/`)).json.messages.length, 1)
      for (const [method, path, body] of [
        ['POST', '/api/chats/', '{}'],
        ['PATCH', `${chat}/`, '{}'],
        ['POST', `${chat}/messages/`, '{"message":"forged"}'],
      ] as const) {
        assertProblem(await browser.send(method, path, body, json), 403)
        assertProblem(await browser.send(method, path, body, { ...json, 'x-csrf-token': 'wrong' }), 403)
      }
      assert.equal((await browser.send('GET', `${chat}/messages/`)).json.messages.length, 1)
    })

    it('are not set by /auth/* and by calls with a token', async () => {
      for (const [method, path, fields] of calls()) {
        const answer = await asAnn(method, path, fields && JSON.stringify(fields), 'application/json')
        assert.deepEqual(answer.headers.getSetCookie(), [], path)
      }
    })
  })

  describe('an error', () => {
    it('is application/problem+json with type, title, status and detail', async () => {
      assertProblem(await anyone.send('GET', '/api/chats/'), 401)
      assertProblem(await asAnn('GET', `/api/chats/${UNKNOWN}/`), 404)
      assertProblem(await asAnn('GET', '/api/nothing-here'), 404)
      assertProblem(await asAnn('GET', '/auth/nothing-here'), 404)
      assertProblem(await asAnn('DELETE', '/api/chats/'), 405)
      assertProblem(await asAnn('GET', `/api/chats/${uri}/messages/?after=x`), 422)
      assertProblem(await asAnn('GET', `/api/chats/${uri}/messages/?after=99999`), 410)
      assertProblem(await asAnn('POST', '/api/chats/', 'x'.repeat(70_000), FORM), 413)
      assertProblem(await asAnn('GET', `/api/chats/?${'x'.repeat(3000)}`), 414)
    })

    it('names each wrong field with a list of sentences', async () => {
      const refused = await asAnn('POST', `/api/chats/${uri}/messages/`, '{}', 'application/json')
      assertProblem(refused, 422)
      assert.deepEqual(refused.json.errors, { message: ['This field is required.'] })
      const signUp = await asAnn('POST', '/auth/users/create/', '{"username":"a b"}', 'application/json')
      assertProblem(signUp, 400)
      assert.deepEqual(Object.keys(signUp.json.errors).sort(), ['password', 'username'])
    })

    it('comes in JSON whatever the caller says it accepts', async () => {
      for (const [accept, isTaken] of Object.entries({
        'text/html': false,
        'text/html,application/xhtml+xml,*/*;q=0.8': true,
        'image/png': false,
        '*/*': true,
        x: true,
      })) {
        const headers = { accept, 'hx-request': 'true' }
        assertProblem(await anyone.send('GET', `/api/chats/${UNKNOWN}/`, undefined, headers), isTaken ? 401 : 406)
        assertProblem(await anyone.send('POST', '/auth/token/create/', undefined, headers), isTaken ? 400 : 406)
      }
    })

    it('for a method that a path does not know is 405 with Allow, in the words of the original', async () => {
      const expected: [path: string, known: string[]][] = [
        ['/auth/users/create/', ['POST']],
        ['/auth/token/create/', ['POST']],
        ['/auth/token/destroy/', ['POST']],
        ['/auth/tokens/', ['GET']],
        ['/auth/tokens/1/', ['DELETE']],
        ['/api/chats/', ['GET', 'POST']],
        [`/api/chats/${uri}/`, ['GET', 'PATCH', 'DELETE']],
        [`/api/chats/${uri}/members/`, ['GET', 'POST']],
        [`/api/chats/${uri}/messages/`, ['GET', 'POST']],
        [`/api/chats/${uri}/settings/`, ['GET', 'POST', 'PATCH']],
        [`/api/chats/${uri}/link/`, ['POST', 'PUT']],
        [`/api/chats/${uri}/owner/`, ['POST', 'PUT']],
        [`/api/chats/${uri}/bans/`, ['GET']],
      ]
      for (const [path, known] of expected) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(method => !known.includes(method))) {
          const answer = await asAnn(method, path)
          assertProblem(answer, 405)
          assert.equal(answer.json.detail, `Method "${method}" not allowed.`)
          const allowed = (answer.headers.get('allow') ?? '').split(/, */)
          for (const method of known) {
            assert.ok(allowed.includes(method), `${path}: Allow: ${allowed}`)
          }
          assert.ok(!allowed.includes(method))
        }
      }
    })
  })

  describe('other origins', () => {
    const origin = 'https://app.example'

    it('get Access-Control-Allow-Origin where they are configured, errors included', async () => {
      const allowed: Answer[] = []
      for (const from of [origin, 'http://localhost:8080']) {
        const headers = { origin: from, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' }
        const token = { ...headers, authorization: `Token ${ann.token}` }
        for (const [method, path, fields, status] of calls()) {
          const answer = await anyone.send(method, path, fields && JSON.stringify(fields), token)
          assert.equal(answer.status, status, path)
          allowed.push(answer)
        }
        allowed.push(
          await anyone.send('GET', '/api/chats/', undefined, headers),
          await anyone.send('POST', '/auth/token/create/', '{', headers),
          await anyone.send('POST', '/auth/token/create/', '{}', headers),
          await anyone.send('DELETE', '/api/chats/', undefined, token),
          await anyone.send('GET', '/api/nothing', undefined, token),
          await anyone.send('GET', `/api/chats/${UNKNOWN}/`, undefined, token),
          await anyone.send('GET', `/api/chats/?${'x'.repeat(3000)}`, undefined, token),
          await anyone.send('POST', '/api/chats/', new Uint8Array(70_000), token),
          await anyone.send('POST', '/api/chats/', 'x', { ...token, 'content-type': 'text/plain' }),
        )
        for (const { headers } of allowed.splice(0)) {
          assert.equal(headers.get('access-control-allow-origin'), from)
          assert.equal(
            headers.get('access-control-expose-headers'),
            'Deprecation, ETag, Ignored-Fields, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id',
          )
          assert.equal(headers.get('access-control-allow-credentials'), null)
          assert.match(headers.get('vary') ?? '', /\bOrigin\b/i)
        }
      }
    })

    it('get nothing where they are not', async () => {
      for (const from of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null']) {
        const headers = { origin: from, authorization: `Token ${ann.token}` }
        const answer = await anyone.send('GET', '/api/chats/', undefined, headers)
        assert.equal(answer.headers.get('access-control-allow-origin'), null, from)
      }
    })

    it('ask first by a preflight, which needs no login', async () => {
      for (const path of ['/auth/users/create/', '/api/chats/', `/api/chats/${uri}/messages/`, `/api/chats/${uri}`]) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          const answer = await anyone.send('OPTIONS', path, undefined, {
            origin,
            'access-control-request-method': method,
            'access-control-request-headers': 'authorization,content-type,idempotency-key,last-event-id',
          })
          assert.ok(answer.status === 204 || answer.status === 200)
          assert.equal(answer.headers.get('access-control-allow-origin'), origin)
          const list = (name: string) => (answer.headers.get(name) ?? '').toLowerCase().split(/, */)
          assert.ok(list('access-control-allow-methods').includes(method.toLowerCase()), method)
          for (const name of ['authorization', 'content-type', 'idempotency-key', 'last-event-id']) {
            assert.ok(list('access-control-allow-headers').includes(name), name)
          }
        }
      }
      const foreign = await anyone.send('OPTIONS', '/api/chats/', undefined, {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
      })
      assert.equal(foreign.headers.get('access-control-allow-origin'), null)
      assert.equal(foreign.headers.get('access-control-allow-methods'), null)
    })

    it('get nothing of the pages', async () => {
      const browser = await new Visitor(site).signUp('pia')
      for (const path of ['/', '/login', `/chats/${uri}`, '/nothing']) {
        const answer = await browser.get(path, { origin })
        assert.equal(answer.headers.get('access-control-allow-origin'), null, path)
      }
    })

    it('all get in where the site is open to all, without cookies', async () => {
      const open = await openSite({ CORS_ORIGINS: '*' })
      try {
        const browser = await new Visitor(open).signUp('oda')
        const answer = await browser.send('GET', '/api/chats/', undefined, { origin: 'https://any.example' })
        assert.equal(answer.headers.get('access-control-allow-origin'), '*')
        assert.equal(answer.headers.get('access-control-allow-credentials'), null)
      } finally {
        await open.close()
      }
    })
  })

  function assertProblem(answer: Answer, status: number) {
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
    assert.equal(answer.json.status, status)
    for (const member of ['type', 'title', 'detail']) {
      assert.ok(typeof answer.json[member] === 'string' && answer.json[member] !== '', member)
    }
  }
})
