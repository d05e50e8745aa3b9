import assert from 'node:assert/strict'
import { distance } from '../../src/text/distance.js'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import { stored } from '../input/rows.js'
import { openSite, type Site } from '../support/site.js'
import { openSocket } from '../support/streams.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('a field that a request does not take', () => {
  let site: Site
  let ann: Program
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = await ann.startChat()
  })
  after(() => site.close())

  it('is refused, with the nearest one that it takes', async () => {
    const before = await stored(site)
    const chat = `/api/chats/${uri}/`
    for (const [method, path, body, field, near] of [
      ['PATCH', `${chat}settings/`, { readonly: true }, 'readonly', 'Did you mean "read_only"?'],
      [
        'PATCH',
        `${chat}settings/`,
        { colour: 'red' },
        'colour',
        'Known are: title, read_only, joins_closed, guests, kept_days.',
      ],
      ['GET', `${chat}messages/?aftr=0`, undefined, 'aftr', 'Did you mean "after"?'],
      ['GET', `${chat}members/?from=0`, undefined, 'from', 'Known are: limit, after.'],
      ['GET', '/api/account/?x=1', undefined, 'x', 'None is known.'],
      ['PATCH', '/api/account/', { nam: 'x' }, 'nam', 'Did you mean "name"?'],
      ['DELETE', `${chat}members/me/`, { really: true }, 'really', 'None is known.'],
      ['PUT', `${chat}read/?versoin=3`, { version: 1 }, 'versoin', 'None is known.'],
      ['GET', `${chat}live/?afterr=0`, undefined, 'afterr', 'Did you mean "after"?'],
    ] as const) {
      const answer = await ann.call(method, path, body)
      assertProblem(answer, 422)
      assert.equal(answer.json.code, 'unknown_field')
      assert.deepEqual(answer.json.errors, { [field]: [`There is no field "${field}" here. ${near}`] })
      assert.deepEqual(answer.json.field_codes, { [field]: ['unknown_field'] })
    }
    assert.deepEqual(await stored(site), before)
  })

  it('is refused in every form of answer', async () => {
    const visitor = await new Visitor(site).signUp('vera')
    const own = await visitor.startChat()
    await visitor.get(`/chats/${own}`)
    const page = await visitor.post(`/chats/${own}/settings`, { title: 'x', readonly: 'on' })
    assert.equal(page.status, 422)
    assertPage(page)
    const fragment = await visitor.htmx('POST', `/chats/${own}/settings`, { readonly: 'on' })
    assert.equal(fragment.status, 422)
    assertAlert(fragment)
  })

  it('may be csrf and next in forms, and _ and format in queries; and links to pages may have any', async () => {
    assert.equal((await ann.call('GET', `/api/chats/${uri}/messages/?_=1764&format=json&after=0`)).status, 200)
    const form = new URLSearchParams({ csrf: 'x', next: '/', title: 'A title' })
    const headers = { authorization: `Token ${ann.token}` }
    assert.equal((await new Visitor(site).send('PATCH', `/api/chats/${uri}/settings/`, form, headers)).status, 200)
    const visitor = await new Visitor(site).signUp('vito')
    assert.equal((await visitor.get(`/chats/${uri}?fbclid=1&utm_source=x`)).status, 200)
    assert.equal((await visitor.get('/api/?fbclid=1')).status, 200)
  })

  it('is passed over and named where other people’s clients call, unless it looks misspelt', async () => {
    const person = (username: string) => ({ username, password: PASSWORD })
    for (const [path, fields, misspelt, near] of [
      ['/auth/users/create/', person('olga'), 'usernam', 'username'],
      ['/auth/users/', person('oleg'), 'emial', 'email'],
      ['/auth/token/create/', person('olga'), 'pasword', 'password'],
      ['/auth/token/login/', person('olga'), 'nmae', 'name'],
      ['/api/chats/', {}, 'titel', 'title'],
      [`/api/chats/${uri}/messages/`, { message: 'hello' }, 'reply_too', 'reply_to'],
      [`/api/chats/${uri}/typing/`, {}, 'aftr', 'after'],
    ] as const) {
      const before = await stored(site)
      const refused = await ann.call('POST', path, { ...fields, [misspelt]: 5, first_name: 'Olga' })
      assertProblem(refused, 422)
      assert.deepEqual(refused.json.errors, {
        [misspelt]: [`There is no field "${misspelt}" here. Did you mean "${near}"?`],
      })
      assert.deepEqual(await stored(site), before)
      const taken = await ann.call('POST', path, { ...fields, first_name: 'Olga', 'x\r\nSet-Cookie: é': 1 })
      assert.ok(taken.status < 300, taken.text)
      assert.equal(taken.headers.get('ignored-fields'), 'first_name, x??Set-Cookie???')
    }
    assert.equal((await ann.post(uri, 'hello')).headers.get('ignored-fields'), null)
    const { token } = await signUpProgram(site, 'gone')
    const destroyed = await new Visitor(site).send(
      'POST',
      '/auth/token/destroy/',
      new URLSearchParams({ token: 'x' }),
      {
        authorization: `Token ${token}`,
      },
    )
    assert.equal(destroyed.status, 204)
    assert.equal(destroyed.headers.get('ignored-fields'), 'token')
  })

  it('is judged in messages by WebSocket as in posts', async () => {
    const socket = await openSocket(site, `/api/chats/${uri}/live`, ann)
    const refused = await socket.ask({ message: 'x', reply_too: 5 })
    assert.equal(refused.code, 'unknown_field')
    assert.match(refused.detail, /Did you mean "reply_to"/)
    assert.equal((await socket.ask({ message: 'x', colour: 'red' })).status, 'SUCCESS')
    socket.cut()
  })

  it('can be called whatever one likes, and costs no more than it is long', async () => {
    for (const name of [
      '__proto__x',
      'toString',
      'x'.repeat(60_000),
      '"<script>\u0000\u202e',
      '\ud800',
      'é'.repeat(9000),
    ]) {
      const answer = await ann.call('PATCH', `/api/chats/${uri}/settings/`, { [name]: 1 })
      assertProblem(answer, 422)
      assert.ok(answer.text.length < 1000)
      const [field = ''] = Object.keys(answer.json.errors)
      assert.ok(field.length <= 100 && !/[\p{C}"]/u.test(field), field)
    }
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`read_onl${n}`, 1]))
    const answer = await ann.call('PATCH', `/api/chats/${uri}/settings/`, many)
    assertProblem(answer, 422)
    assert.equal(Object.keys(answer.json.errors).length, 20)
    assertProblem(await ann.call('GET', '/api/chats/?__proto__=1'), 422)
  })
})

describe('PATCH /api/chats/:uri/', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let chat: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    chat = `/api/chats/${await ann.startChat()}/`
  })
  after(() => site.close())

  it('changes settings for the owner alone, and joins nobody then', async () => {
    const before = await stored(site)
    assertProblem(await bob.call('PATCH', chat, { title: 'mine' }), 404)
    assert.deepEqual(await stored(site), before)
    const { status, json } = await ann.call('PATCH', chat, { title: 'A title', read_only: true })
    assert.equal(status, 200)
    assert.deepEqual([json.title, json.read_only, json.joins_closed, json.guests], ['A title', true, false, true])
    assert.equal((await bob.call('PATCH', chat, { username: 'bob' })).json.message, 'bob joined the chat')
    const refused = await bob.call('PATCH', chat, { read_only: false })
    assertProblem(refused, 403)
    assert.equal(refused.json.code, 'owner_only')
  })

  it('refuses both at once, and anything else', async () => {
    const before = await stored(site)
    for (const [body, code] of [
      [{ username: 'ann', title: 'x' }, 'join_or_change'],
      [{ username: 'ann', titel: 'x' }, 'unknown_field'],
      [{ owner: 5 }, 'unknown_field'],
      [{ title: 5 }, 'invalid_input'],
    ] as const) {
      const answer = await ann.call('PATCH', chat, body)
      assertProblem(answer, 422)
      assert.equal(answer.json.code, code)
    }
    assert.deepEqual(await stored(site), before)
  })
})

describe('the distance of two names', () => {
  it('counts letters that are put in, left out or replaced, as far as it matters', () => {
    for (const [a, b, letters] of [
      ['after', 'after', 0],
      ['aftr', 'after', 1],
      ['after', 'aftr', 1],
      ['reply_too', 'reply_to', 1],
      ['titel', 'title', 2],
      ['name', 'mane', 2],
      ['text', 'title', 3],
      ['a', 'abcdef', 3],
      ['', 'ab', 2],
    ] as const) {
      assert.equal(distance(a, b, 2), letters, `${a} ${b}`)
    }
  })
})
