import assert from 'node:assert/strict'
import { assertProblem } from '../input/answers.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('the account by the API', () => {
  let site: Site
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const unique = (name = 'user') => `${name}${++count}x`
  const takeToken = async (username: string, password = PASSWORD, name?: string) =>
    (await new Program(site).call('POST', '/auth/token/create/', { username, password, name })).json.auth_token

  it('GET /api/account/ tells one’s own, e-mail address, name and kind included', async () => {
    const username = unique()
    const program = await signUpProgram(site, username)
    const { status, json } = await program.call('GET', '/api/account/')
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(json).sort(), ['email', 'id', 'kind', 'name', 'username'])
    assert.deepEqual({ ...json, id: 0 }, { id: 0, username, name: username, email: '', kind: 'account' })
    const gus = await guest(site, unique('Gus'))
    assert.equal((await gus.send('GET', '/api/account/')).json.kind, 'guest')
    assertProblem(await new Program(site).call('GET', '/api/account/'), 401)
    assertProblem(await new Program(site, 'stale').call('GET', '/api/account/'), 401)
  })

  it('PATCH /api/account/ changes what is given and leaves the rest', async () => {
    const username = unique()
    const program = await signUpProgram(site, username)
    const uri = await program.startChat()
    assert.deepEqual((await program.call('PATCH', '/api/account/', { name: 'Ann Lee' })).json.name, 'Ann Lee')
    const changed = await program.call('PATCH', '/api/account', { email: 'ann@example.org', password: PASSWORD })
    assert.equal(changed.status, 200)
    assert.deepEqual(
      { ...changed.json, id: 0 },
      { id: 0, username, name: 'Ann Lee', email: 'ann@example.org', kind: 'account' },
    )
    assert.deepEqual((await program.call('PATCH', '/api/account/', {})).json, changed.json)
    assert.deepEqual((await program.call('GET', '/api/account/')).json, changed.json)
    assert.equal((await program.post(uri, 'hello')).json.user.name, 'Ann Lee')
    const { messages } = (await program.call('GET', `/api/chats/${uri}/messages/?after=0`)).json
    assert.deepEqual(
      messages.map(({ event }: { event: string }) => event),
      ['joined', 'named', 'message'],
    )
  })

  it('PATCH /api/account/ says which field is wrong, with 422, and changes nothing then', async () => {
    const program = await signUpProgram(site, unique())
    const before = (await program.call('GET', '/api/account/')).json
    for (const [fields, wrong] of [
      [{ name: null }, ['name']],
      [{ name: ['Ann'] }, ['name']],
      [{ name: 7 }, ['name']],
      [{ name: 'Ann\u0000' }, ['name']],
      [{ name: 'Ann (guest)', email: 'x' }, ['name', 'email']],
      [{ name: 'Good', email: 'x' }, ['email']],
      [{ name: 'admin', email: 'good@example.org' }, ['name']],
      [{ email: 'good@example.org' }, ['password']],
      [{ name: 'Good', email: 'good@example.org', password: 'not this one' }, ['password']],
    ] as const) {
      const refused = await program.call('PATCH', '/api/account/', fields)
      assertProblem(refused, 422)
      assert.deepEqual(Object.keys(refused.json.errors).sort(), [...wrong].sort())
    }
    assert.deepEqual((await program.call('GET', '/api/account/')).json, before)
  })

  it('PUT /api/account/password/ ends sessions, and no token', async () => {
    const username = unique()
    const browser = await new Visitor(site).signUp(username)
    const program = new Program(site, await takeToken(username))
    const fields = { current_password: PASSWORD, password: 'another horse battery' }
    const wrong = await program.call('PUT', '/api/account/password/', { ...fields, current_password: 'wrong horse' })
    assertProblem(wrong, 422)
    assert.deepEqual(wrong.json.errors, { current_password: ['This is not your password.'] })
    const missing = await program.call('PUT', '/api/account/password/', {})
    assert.deepEqual(Object.keys(missing.json.errors).sort(), ['current_password', 'password'])
    assert.equal((await program.call('PUT', '/api/account/password/', fields)).status, 200)
    assert.equal((await program.call('GET', '/api/account/')).status, 200)
    assert.equal((await browser.get('/account')).status, 401)
    assert.ok(await takeToken(username, 'another horse battery'))
  })

  it('PUT /api/account/password/ from a page goes on with a new session', async () => {
    const browser = await new Visitor(site).signUp(unique())
    const headers = { 'content-type': 'application/json', 'x-csrf-token': browser.csrf }
    const fields = JSON.stringify({ current_password: PASSWORD, password: 'another horse battery' })
    const changed = await browser.send('PUT', '/api/account/password/', fields, headers)
    assert.equal(changed.status, 200)
    assert.equal((await browser.send('GET', '/api/account/')).status, 200)
    const goesOn = { ...headers, 'x-csrf-token': changed.json.csrf }
    assert.equal((await browser.send('PATCH', '/api/account/', '{"name":"Ann"}', goesOn)).status, 200)
  })

  it('GET and DELETE /api/account/sessions/ list them and end them, one’s own alone', async () => {
    const username = unique()
    const browser = await new Visitor(site).signUp(username)
    const program = new Program(site, await takeToken(username))
    const { sessions } = (await program.call('GET', '/api/account/sessions/')).json
    assert.equal(sessions.length, 1)
    assert.deepEqual(Object.keys(sessions[0]).sort(), ['browser', 'created_at', 'current', 'id', 'last_used_at'])
    assert.equal(sessions[0].current, false)
    assert.equal((await browser.send('GET', '/api/account/sessions')).json.sessions[0].current, true)
    const stranger = await signUpProgram(site, unique('bob'))
    assertProblem(await stranger.call('DELETE', `/api/account/sessions/${sessions[0].id}/`), 404)
    assert.equal((await program.call('DELETE', `/api/account/sessions/${sessions[0].id}/`)).status, 204)
    assert.equal((await browser.get('/account')).status, 401)
    assertProblem(await program.call('DELETE', `/api/account/sessions/${sessions[0].id}/`), 404)
    for (const id of ['0', '-1', 'x', '99999999999999999999', '%00', '1.0']) {
      assertProblem(await program.call('DELETE', `/api/account/sessions/${id}/`), 404)
      assertProblem(await program.call('DELETE', `/api/account/tokens/${id}/`), 404)
    }
  })

  it('POST /auth/token/create/ takes a name, which the list shows', async () => {
    const username = unique()
    await new Visitor(site).signUp(username)
    const program = new Program(site, await takeToken(username, PASSWORD, ' backup <b> '))
    await takeToken(username)
    for (const path of ['/auth/tokens/', '/api/account/tokens/']) {
      const { tokens } = (await program.call('GET', path)).json
      assert.deepEqual(tokens.map(({ name }: { name: string }) => name).sort(), ['', 'backup <b>'])
      assert.equal(tokens.find(({ current }: { current: boolean }) => current).name, 'backup <b>')
    }
    for (const name of ['x'.repeat(101), ['x'], 7, 'x\u0000']) {
      const refused = await new Program(site).call('POST', '/auth/token/create/', {
        username,
        password: PASSWORD,
        name,
      })
      assertProblem(refused, 400)
      assert.deepEqual(Object.keys(refused.json.errors), ['name'])
    }
  })

  it('POST /api/account/keep/ is for guests', async () => {
    const gus = await guest(site, unique('Gus'))
    const headers = { 'content-type': 'application/json', 'x-csrf-token': gus.csrf }
    const username = unique('gus')
    const missing = await gus.send('POST', '/api/account/keep/', '{}', headers)
    assertProblem(missing, 422)
    assert.deepEqual(Object.keys(missing.json.errors).sort(), ['password', 'username'])
    const kept = await gus.send('POST', '/api/account/keep/', JSON.stringify({ username, password: PASSWORD }), headers)
    assert.equal(kept.status, 200)
    assert.deepEqual([kept.json.kind, kept.json.username], ['account', username])
    const program = new Program(site, await takeToken(username))
    assertProblem(await program.call('POST', '/api/account/keep/', { username: unique(), password: PASSWORD }), 403)
  })

  it('DELETE /api/account/ needs the password, and ends everything', async () => {
    const username = unique()
    const browser = await new Visitor(site).signUp(username)
    const program = new Program(site, await takeToken(username))
    for (const fields of [{}, { password: '' }, { password: 'wrong horse' }, { password: null }]) {
      const refused = await program.call('DELETE', '/api/account/', fields)
      assertProblem(refused, 422)
      assert.deepEqual(Object.keys(refused.json.errors), ['password'])
    }
    assert.equal((await program.call('DELETE', '/api/account/', { password: PASSWORD })).status, 204)
    assertProblem(await program.call('GET', '/api/account/'), 401)
    assert.equal((await browser.get('/account')).status, 401)
    assert.equal(await takeToken(username), undefined)
    const gus = await guest(site, unique('Gus'))
    const headers = { 'content-type': 'application/json', 'x-csrf-token': gus.csrf }
    assertProblem(await gus.send('DELETE', '/api/account/', '{}', headers), 422)
    assert.equal((await gus.send('DELETE', '/api/account/', '{"sure": true}', headers)).status, 204)
  })
})
