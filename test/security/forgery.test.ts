import assert from 'node:assert/strict'
import { createReset } from '../../src/db/resets.js'
import { keyHash } from '../../src/keys.js'
import { stored } from '../input/rows.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, signUpProgram, Visitor } from '../support/visitor.js'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Everything that a browser's cookie may do here, with fields that would do. */
interface Deed {
  name: string
  method: string
  path: string
  fields: Record<string, string>
  /** Asked by visitors, by their own token. */
  entrance?: boolean
}

describe('forged requests', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  let other: string
  let deeds: Deed[]
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
    const bob = await new Visitor(site).signUp('bob')
    other = await bob.startChat()
    const { id } = await site.db
      .selectFrom('users')
      .select('id')
      .where('username', '=', 'bob')
      .executeTakeFirstOrThrow()
    await createReset(site.db, id, keyHash('reset-key'))
    deeds = [
      {
        name: 'signing in',
        method: 'POST',
        path: '/login',
        fields: { username: 'ann', password: PASSWORD },
        entrance: true,
      },
      {
        name: 'signing up',
        method: 'POST',
        path: '/signup',
        fields: { username: 'zoe', password: PASSWORD },
        entrance: true,
      },
      {
        name: 'setting a password',
        method: 'POST',
        path: '/reset/reset-key',
        fields: { password: 'another horse battery' },
        entrance: true,
      },
      { name: 'signing out', method: 'POST', path: '/logout', fields: {} },
      { name: 'starting a chat', method: 'POST', path: '/chats', fields: {} },
      { name: 'joining', method: 'POST', path: `/chats/${other}/members`, fields: {} },
      { name: 'posting', method: 'POST', path: `/chats/${uri}/messages`, fields: { message: 'forged' } },
      { name: 'changing one’s name', method: 'POST', path: '/account', fields: { name: 'Forged' } },
      {
        name: 'changing one’s password',
        method: 'POST',
        path: '/account/password',
        fields: { current_password: PASSWORD, password: 'another horse battery' },
      },
      { name: 'making a token', method: 'POST', path: '/account/tokens', fields: { name: 'forged' } },
      { name: 'deleting one’s account', method: 'POST', path: '/account/delete', fields: { password: PASSWORD } },
      { name: 'deleting it by /api', method: 'DELETE', path: '/api/account/', fields: { password: PASSWORD } },
      { name: 'starting a chat by /api', method: 'POST', path: '/api/chats/', fields: {} },
      { name: 'joining by /api', method: 'PATCH', path: `/api/chats/${other}/`, fields: {} },
      { name: 'reading', method: 'POST', path: `/chats/${uri}/read`, fields: { version: '1' } },
      { name: 'reading by /api', method: 'PUT', path: `/api/chats/${uri}/read/`, fields: { version: '1' } },
      { name: 'typing', method: 'POST', path: `/chats/${uri}/typing`, fields: {} },
      { name: 'posting by /api', method: 'POST', path: `/api/chats/${uri}/messages/`, fields: { message: 'forged' } },
    ]
  })
  after(() => site.close())

  it('are refused where another site sends them, by Sec-Fetch-Site, even with the right token', async () => {
    for (const from of ['cross-site', 'same-site', 'nonsense']) {
      await refuseAll(token => ({ csrf: token, headers: { 'sec-fetch-site': from } }))
    }
  })

  it('are refused where another site sends them, by Origin, even with the right token', async () => {
    const { host, port } = new URL(site.url)
    for (const origin of [
      'https://evil.example',
      'null',
      `http://${host}.evil.example`,
      `http://evil.example:${port}`,
      'http://127.0.0.1',
      `http://127.0.0.1:${Number(port) + 1}`,
      `http://localhost:${port}`,
      'nonsense',
      'file://',
    ]) {
      await refuseAll(token => ({ csrf: token, headers: { origin } }))
    }
  })

  it('are refused where Sec-Fetch-Site and Origin disagree', async () => {
    await refuseAll(token => ({
      csrf: token,
      headers: { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
    }))
    await refuseAll(token => ({ csrf: token, headers: { 'sec-fetch-site': 'cross-site', origin: site.url } }))
  })

  it('are refused without the token, from this site too and without any header that tells', async () => {
    for (const headers of [{}, { 'sec-fetch-site': 'same-origin', origin: site.url }, { 'sec-fetch-site': 'none' }]) {
      await refuseAll(() => ({ headers }))
      await refuseAll(() => ({ csrf: '', headers }))
      await refuseAll(() => ({ csrf: 'x'.repeat(43), headers }))
    }
  })

  it('are refused with the token of another session, or of a visit before signing in', async () => {
    const bob = new Visitor(site)
    await bob.get('/login')
    const visit = bob.csrf
    await bob.post('/login', { username: 'bob', password: PASSWORD })
    await bob.get('/')
    assert.notEqual(bob.csrf, visit)
    for (const csrf of [bob.csrf, visit]) {
      await refuseAll(() => ({ csrf, headers: {} }))
    }
  })

  it('are refused with the token of a session that is over', async () => {
    const cyd = await new Visitor(site).signUp('cyd')
    const old = cyd.csrf
    await cyd.get('/login')
    await cyd.post('/login', { username: 'cyd', password: PASSWORD })
    assert.equal((await cyd.post('/chats', { csrf: old })).status, 403)
    await cyd.get('/')
    assert.equal((await cyd.post('/chats')).status, 303)
  })

  it('are refused with a visit’s cookie that somebody else made up', async () => {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    for (const name of [...visitor.cookies.keys()]) {
      visitor.cookies.set(name, 'planted')
    }
    const refused = await visitor.post('/login', { username: 'ann', password: PASSWORD })
    assert.equal(refused.status, 403)
  })

  it('are refused at an address that differs in its letters’ case or its slash', async () => {
    for (const path of [
      '/LOGIN',
      '/Login',
      '/login/',
      '/SignUp',
      '/signup/',
      '/RESET/reset-key',
      '/reset/reset-key/',
      '/AUTH/users/create',
    ]) {
      const fields = { username: 'ann', password: 'another horse battery' }
      const before = await stored(site)
      const answer = await new Visitor(site).send('POST', path, new URLSearchParams(fields), { accept: 'text/html' })
      assert.ok([403, 404, 405].includes(answer.status), `${path}: ${answer.status}`)
      assert.deepEqual(
        answer.headers.getSetCookie().filter(cookie => /^(__Host-)?sid=/.test(cookie)),
        [],
      )
      assert.deepEqual(await stored(site), before)
    }
    for (const path of ['/CHATS', `/Chats/${uri}/Messages`, '/LOGOUT']) {
      const answer = await ann.send('POST', path, new URLSearchParams({ message: 'forged' }), { accept: 'text/html' })
      assert.ok([403, 404, 405].includes(answer.status), `${path}: ${answer.status}`)
    }
  })

  it('are refused with a token that is no text', async () => {
    for (const body of ['csrf[]=', `csrf[]=${ann.csrf}`, `csrf=${ann.csrf}&csrf=${ann.csrf}`]) {
      const answer = await ann.send('POST', '/chats', `${body}`, FORM)
      assert.equal(answer.status, 403, body)
    }
    for (const csrf of [null, true, 0, {}, [ann.csrf]]) {
      const answer = await ann.send('POST', '/chats', JSON.stringify({ csrf }), { 'content-type': 'application/json' })
      assert.equal(answer.status, 403)
    }
  })

  it('are told in a sentence in every form, and change nothing', async () => {
    const before = await stored(site)
    const page = await ann.post('/chats', { csrf: 'wrong' })
    assert.equal(page.status, 403)
    assert.match(page.text, /role="alert">This page is out of date\. Please reload it and try again\.</)
    const fragment = await ann.htmx('POST', '/chats', {}, { 'x-csrf-token': 'wrong' })
    assert.equal(fragment.status, 403)
    assert.match(fragment.text, /<hx-partial hx-target="#alert"/)
    const json = await ann.send('POST', '/api/chats/', undefined, { 'x-csrf-token': 'wrong' })
    assert.equal(json.status, 403)
    assert.match(json.headers.get('content-type') ?? '', /^application\/problem\+json/)
    assert.deepEqual(await stored(site), before)
  })

  it('keep the message that was typed', async () => {
    const refused = await ann.post(`/chats/${uri}/messages`, { csrf: 'wrong', message: 'typed <and> kept' })
    assert.equal(refused.status, 403)
    assert.match(refused.text, /typed &lt;and&gt; kept/)
  })

  it('cannot be made from a form that a page of ours did not give: GET does nothing', async () => {
    const before = await stored(site)
    for (const { path, fields } of deeds) {
      const query = new URLSearchParams({ ...fields, csrf: ann.csrf, _method: 'POST' })
      await ann.get(`${path.replace(other, uri)}?${query}`, { 'x-http-method-override': 'POST' })
    }
    assert.deepEqual(await stored(site), before)
    assert.match((await ann.get('/')).text, /Welcome <bdi>ann<\/bdi>/)
  })

  describe('honest requests', () => {
    it('are taken from lynx and w3m, which send neither Origin nor Sec-Fetch-Site, by the form’s token', async () => {
      const lynx = new Visitor(site)
      await lynx.get('/signup')
      assert.equal((await lynx.post('/signup', { username: 'lynx', password: PASSWORD })).status, 303)
      await lynx.get('/')
      assert.equal((await lynx.post('/chats')).status, 303)
      assert.equal((await lynx.post('/logout')).status, 303)
    })

    it('are taken from this origin, as a field or as X-CSRF-Token', async () => {
      const headers = { 'sec-fetch-site': 'same-origin', origin: site.url }
      assert.equal((await ann.post('/chats', {}, headers)).status, 303)
      assert.equal((await ann.post('/chats', {}, { 'sec-fetch-site': 'none' })).status, 303)
      const header = { 'x-csrf-token': ann.csrf, ...headers }
      const made = await ann.send('POST', '/api/chats/', undefined, header)
      assert.equal(made.status, 201)
    })

    it('are taken from anywhere with an Authorization header, as no browser adds that by itself', async () => {
      const program = await signUpProgram(site, 'prog')
      const headers = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
      assert.equal((await program.call('POST', '/api/chats/', {}, headers)).status, 201)
      const login = { username: 'prog', password: PASSWORD }
      assert.equal((await program.call('POST', '/auth/token/create/', login, headers)).status, 200)
    })
  })

  describe('where PUBLIC_URL is set', () => {
    it('its origin alone is ours, scheme included', async () => {
      const behind = await openSite({ PUBLIC_URL: 'http://chat.example' })
      try {
        const visitor = await new Visitor(behind).signUp('ann')
        assert.equal((await visitor.post('/chats', {}, { origin: 'http://chat.example' })).status, 303)
        for (const origin of ['https://chat.example', 'http://chat.example:8080', behind.url, 'http://evil.example']) {
          assert.equal((await visitor.post('/chats', {}, { origin })).status, 403, origin)
        }
      } finally {
        await behind.close()
      }
    })
  })

  /** Sends every deed so, and nothing may come of it: 403, no new session, and the database as before. */
  async function refuseAll(forge: (token: string) => { csrf?: string; headers: Record<string, string> }) {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    const before = await stored(site)
    for (const { name, method, path, fields, entrance } of deeds) {
      const browser = entrance ? visitor : ann
      const { csrf, headers } = forge(browser.csrf)
      const body = new URLSearchParams(csrf === undefined ? fields : { ...fields, csrf })
      const answer: Answer = await browser.send(method, path, body, { accept: 'text/html, */*', ...headers })
      assert.equal(answer.status, 403, `${name}: ${JSON.stringify({ csrf, headers })}`)
      assert.deepEqual(
        answer.headers.getSetCookie().filter(cookie => /^(__Host-)?sid/.test(cookie)),
        [],
      )
    }
    assert.deepEqual(await stored(site), before)
  }
})
