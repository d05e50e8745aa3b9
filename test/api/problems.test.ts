import assert from 'node:assert/strict'
import { CODES, type Code, FIELD_CODES } from '../../src/codes.js'
import type { Parts } from '../../src/http/context.js'
import { marksOfLayer } from '../../src/http/marks.js'
import { routerOf } from '../../src/routes/index.js'
import { assertProblem } from '../input/answers.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'

// biome-ignore lint/suspicious/noExplicitAny: parts of the document
type Json = Record<string, any>

/** Of overload, of races, and of what takes long to set up: other tests have their sentences. */
const ELSEWHERE: readonly Code[] = [
  'bad_file',
  'chat_busy',
  'guest_gone',
  'not_storable',
  'other_file',
  'password_changed',
  'rate_limited',
  'restarting',
  'search_not_ready',
  'search_too_long',
  'signed_out',
  'too_many_exports',
  'too_many_imports',
  'too_many_passwords',
  'too_many_posts',
  'too_many_streams',
]

describe('the code of a problem', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let browser: Visitor
  let gus: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    browser = await new Visitor(site).signUp('carla')
    gus = await guest(site, 'Gus')
    await gus.get('/')
    uri = await ann.startChat()
    await bob.join(uri)
  })
  after(() => site.close())

  /** What a browser sends by script. */
  const json = (visitor: Visitor, method: string, path: string, body: object, headers = {}) =>
    visitor.send(method, path, JSON.stringify(body), {
      'content-type': 'application/json',
      'x-csrf-token': visitor.csrf,
      ...headers,
    })

  /** A chat of ann's that bob is in, changed by `change`. */
  async function chat(change: object = {}) {
    const uri = await ann.startChat()
    await bob.join(uri)
    await ann.call('PATCH', `/api/chats/${uri}/settings/`, change)
    return uri
  }

  const cases: [code: Code, status: number, operation: string | undefined, ask: () => Promise<Answer>][] = [
    ['stale_form_token', 403, 'startChat', () => json(browser, 'POST', '/api/chats/', {}, { 'x-csrf-token': 'wrong' })],
    [
      'no_cookies',
      403,
      'startAsGuest',
      () => new Visitor(site).post('/guests', { name: 'Nora' }, { accept: 'application/json' }),
    ],
    [
      'other_site',
      403,
      'startChat',
      () => json(browser, 'POST', '/api/chats/', {}, { 'sec-fetch-site': 'cross-site' }),
    ],
    ['not_acceptable', 406, 'listChats', () => ann.call('GET', '/api/chats/', undefined, { accept: 'image/png' })],
    ['account_only', 403, 'makeToken', () => json(gus, 'POST', '/api/account/tokens/', { name: 'mine' })],
    [
      'insufficient_scope',
      403,
      'startChat',
      async () => {
        const { json } = await ann.call('POST', '/api/account/tokens/', { name: 'reader', scopes: ['read'] })
        return new Program(site, json.auth_token).call('POST', '/api/chats/', {})
      },
    ],
    [
      'too_many_bots',
      409,
      'makeBot',
      async () => {
        const uri = await chat()
        for (let count = 0; count < 20; count++) {
          await ann.call('POST', `/api/chats/${uri}/bots/`, { name: `bot ${count}` })
        }
        return ann.call('POST', `/api/chats/${uri}/bots/`, { name: 'one more' })
      },
    ],
    [
      'too_many_tokens',
      409,
      'makeToken',
      async () => {
        const many = await signUpProgram(site, 'many')
        for (let count = 0; count < 100; count++) {
          await many.call('POST', '/api/account/tokens/', { name: `n${count}` })
        }
        return many.call('POST', '/api/account/tokens/', { name: 'more' })
      },
    ],
    [
      'already_account',
      403,
      'keepAccount',
      () => ann.call('POST', '/api/account/keep/', { username: 'anna', password: PASSWORD }),
    ],
    ['owner_only', 403, 'changeSettings', () => bob.call('PATCH', `/api/chats/${uri}/settings/`, { title: 'x' })],
    ['owner_cannot_leave', 403, 'leaveChat', () => ann.call('DELETE', `/api/chats/${uri}/members/me/`)],
    ['others_cannot_join', 403, 'joinOrChangeChat', () => bob.call('PATCH', `/api/chats/${uri}/`, { username: 'ann' })],
    [
      'author_only',
      403,
      'editMessage',
      async () => {
        const { json } = await ann.post(uri, 'mine')
        return bob.call('PATCH', `/api/chats/${uri}/messages/${json.id}/`, { message: 'yours' })
      },
    ],
    ['read_only', 403, 'postMessage', async () => bob.post(await chat({ read_only: true }), 'hello')],
    [
      'joins_closed',
      403,
      'joinOrChangeChat',
      async () => (await signUpProgram(site, 'cleo')).join(await chat({ joins_closed: true })),
    ],
    [
      'no_guests',
      403,
      'joinOrChangeChat',
      async () => json(gus, 'PATCH', `/api/chats/${await chat({ guests: false })}/`, {}),
    ],
    [
      'banned',
      403,
      'joinOrChangeChat',
      async () => {
        const uri = await chat()
        const { members } = (await ann.call('GET', `/api/chats/${uri}/members/`)).json
        await ann.call('DELETE', `/api/chats/${uri}/members/${members[1].id}/`, { ban: true })
        return bob.join(uri)
      },
    ],
    ['malformed_body', 400, 'startChat', () => ann.call('POST', '/api/chats/', [])],
    ['no_credentials', 401, 'listChats', () => new Visitor(site).send('GET', '/api/chats/')],
    [
      'invalid_token',
      401,
      'listChats',
      () => new Visitor(site).send('GET', '/api/chats/', undefined, { authorization: 'Token x' }),
    ],
    ['not_found', 404, 'getChat', () => ann.call('GET', `/api/chats/${UNKNOWN}/`)],
    ['no_such_member', 404, 'removeMember', () => ann.call('DELETE', `/api/chats/${uri}/members/999999/`)],
    ['method_not_allowed', 405, undefined, () => ann.call('PUT', '/api/chats/')],
    ['cursor_ahead', 410, 'listMessages', () => ann.call('GET', `/api/chats/${uri}/messages/?after=9999`)],
    ['cursor_gone', 410, 'listEvents', () => ann.call('GET', '/api/events/?after=x')],
    ['body_too_long', 413, 'startChat', () => ann.call('POST', '/api/chats/', { title: 'x'.repeat(70_000) })],
    ['address_too_long', 414, 'listChats', () => ann.call('GET', `/api/chats/?before=${'x'.repeat(3000)}`)],
    [
      'unsupported_media_type',
      415,
      'startChat',
      () => ann.call('POST', '/api/chats/', {}, { 'content-type': 'text/plain' }),
    ],
    ['invalid_input', 422, 'postMessage', () => ann.post(uri, '')],
    ['unknown_field', 422, 'listMessages', () => ann.call('GET', `/api/chats/${uri}/messages/?aftr=0`)],
    ['wrong_password', 422, 'deleteAccount', () => ann.call('DELETE', '/api/account/', { password: 'wrong' })],
    [
      'key_conflict',
      422,
      'postMessage',
      async () => {
        await ann.post(uri, 'one', { 'idempotency-key': 'k' })
        return ann.post(uri, 'two', { 'idempotency-key': 'k' })
      },
    ],
    [
      'no_such_message',
      422,
      'postMessage',
      () => ann.call('POST', `/api/chats/${uri}/messages/`, { message: 'x', reply_to: 999 }),
    ],
    [
      'wrong_credentials',
      400,
      'createToken',
      () => ann.call('POST', '/auth/token/create/', { username: 'ann', password: 'wrong' }),
    ],
    [
      'name_taken',
      400,
      'createUser',
      () => ann.call('POST', '/auth/users/create/', { username: 'bob', password: PASSWORD }),
    ],
    [
      'name_alike',
      400,
      'createUser',
      async () => {
        await signUpProgram(site, 'will')
        return ann.call('POST', '/auth/users/create/', { username: 'wiIl', password: PASSWORD })
      },
    ],
    [
      'join_or_change',
      422,
      'joinOrChangeChat',
      () => ann.call('PATCH', `/api/chats/${uri}/`, { username: 'ann', title: 'x' }),
    ],
    [
      'not_oneself',
      422,
      'removeMember',
      async () => {
        const { id } = (await ann.call('GET', '/api/account/')).json
        return ann.call('DELETE', `/api/chats/${uri}/members/${id}/`)
      },
    ],
    ['wrong_name', 422, 'deleteChat', () => ann.call('DELETE', `/api/chats/${uri}/`, { name: 'x' })],
  ]

  for (const [code, status, operation, ask] of cases) {
    it(`is ${code}, its type leads to the paragraph that explains it, and the document says that it can be`, async () => {
      const answer = await ask()
      assert.equal(answer.status, status, answer.text)
      assertProblem(answer, status)
      assert.equal(answer.json.code, code)
      assert.equal(answer.json.type, `${site.url}/api/#code-${code}`)
      assert.ok(!operation || (await documented(operation, status)).includes(code), `${operation} can be ${code}`)
    })
  }

  it('is shown here where the document says it of some requests alone, if a request can bring it about', () => {
    const shown = new Set<Code>(cases.map(([code]) => code))
    const listed = routerOf({} as Parts).stack.flatMap(layer => marksOfLayer(layer).operation?.problems ?? [])
    assert.deepEqual(new Set(listed.filter(code => !shown.has(code))), new Set(ELSEWHERE))
  })

  async function documented(id: string, status: number): Promise<string[]> {
    const { json } = await new Visitor(site).send('GET', '/api/openapi.json')
    const operations: Json[] = Object.values<Json>(json.paths).flatMap(path => Object.values(path))
    const found = operations.find(({ operationId }) => operationId === id)
    return found?.responses[status]?.content['application/problem+json'].schema.allOf[1].properties.code.enum ?? []
  }

  it('is explained on a page, for every code that there is', async () => {
    const { text, status } = await new Visitor(site).get('/api/')
    assert.equal(status, 200)
    for (const code of [...Object.keys(CODES), ...Object.keys(FIELD_CODES)]) {
      assert.match(text, new RegExp(`<dt id="code-${code}">[^]*?</dt>\\s*<dd>\\s*<p>\\p{Lu}`, 'u'), code)
    }
  })

  it('is said of each sentence about a field too', async () => {
    const codesOf = async (body: object) => {
      const { json } = await ann.call('POST', '/auth/users/create/', body)
      for (const [field, sentences] of Object.entries<string[]>(json.errors)) {
        assert.equal(json.field_codes[field].length, sentences.length)
      }
      return json.field_codes
    }
    assert.deepEqual(await codesOf({}), { username: ['required'], password: ['required'] })
    assert.deepEqual(await codesOf({ username: 5, password: ' ', email: 'x' }), {
      username: ['wrong_type'],
      password: ['blank'],
      email: ['invalid'],
    })
    assert.deepEqual(await codesOf({ username: 'x'.repeat(151), password: PASSWORD }), { username: ['too_long'] })
    assert.deepEqual(await codesOf({ username: 'dora', password: '1234567' }), {
      password: ['too_short', 'too_common', 'only_digits'],
    })
    assert.deepEqual(await codesOf({ username: 'bob', password: PASSWORD }), { username: ['name_taken'] })
    const list = (await ann.call('GET', `/api/chats/${uri}/messages/?limit=0&wait=5`)).json
    assert.deepEqual(list.field_codes, { limit: ['out_of_range'], wait: ['invalid'] })
    const link = (await ann.call('PUT', `/api/chats/${uri}/link/`, { expires_in: 5 })).json
    assert.deepEqual(link.field_codes, { expires_in: ['not_offered'] })
  })
})
