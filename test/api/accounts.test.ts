import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('accounts and tokens by the API', () => {
  let site: Site
  let anyone: Program
  before(async () => {
    site = await openSite()
    anyone = new Program(site)
  })
  after(() => site.close())

  const signUp = (fields: Record<string, unknown>, headers?: Record<string, string>) =>
    anyone.call('POST', '/auth/users/create/', fields, headers)
  const takeToken = (fields: Record<string, unknown>, headers?: Record<string, string>) =>
    anyone.call('POST', '/auth/token/create/', fields, headers)

  describe('POST /auth/users/create/', () => {
    it('answers 201 with e-mail address, username and id, and with nothing else', async () => {
      const made = await signUp({ username: 'ann', password: PASSWORD, email: 'ann@example.org' })
      assert.equal(made.status, 201)
      assert.match(made.headers.get('content-type') ?? '', /^application\/json/)
      assert.deepEqual(Object.keys(made.json).sort(), ['email', 'id', 'username'])
      assert.equal(made.json.email, 'ann@example.org')
      assert.equal(made.json.username, 'ann')
      assert.ok(Number.isInteger(made.json.id))
    })

    it('takes an account without e-mail address, whose address is the empty text', async () => {
      for (const [username, fields] of Object.entries({ none1: {}, none2: { email: '' }, none3: { email: null } })) {
        const made = await signUp({ username, password: PASSWORD, ...fields })
        assert.equal(made.status, 201, username)
        assert.equal(made.json.email, '')
      }
    })

    it('says in the words of the original what is missing or taken, with 400', async () => {
      const empty = await signUp({})
      assert.equal(empty.status, 400)
      assert.match(empty.headers.get('content-type') ?? '', /^application\/problem\+json/)
      assert.deepEqual(empty.json.errors, {
        username: ['This field is required.'],
        password: ['This field is required.'],
      })
      await signUp({ username: 'taken', password: PASSWORD })
      const again = await signUp({ username: 'Taken', password: PASSWORD })
      assert.equal(again.status, 400)
      assert.deepEqual(again.json.errors, { username: ['A user with that username already exists.'] })
    })

    it('takes letters, digits and @ . + - _ in usernames up to 150 characters', async () => {
      const username = `Zoë.9@+-_${'x'.repeat(141)}`
      const made = await signUp({ username, password: PASSWORD })
      assert.equal(made.status, 201)
      assert.equal(made.json.username, username)
      assert.equal((await signUp({ username: `${username}x`, password: PASSWORD })).status, 400)
    })

    it('makes one account of many that ask for the name at once', async () => {
      const made = await Promise.all(
        ['race', 'Race', 'RACE', 'rAce'].map(username => signUp({ username, password: PASSWORD })),
      )
      assert.deepEqual(made.map(answer => answer.status).sort(), [201, 400, 400, 400])
    })
  })

  describe('POST /auth/token/create/', () => {
    it('answers 200 with the token, a new one each time, and each of them works', async () => {
      await signUp({ username: 'tom', password: PASSWORD })
      const first = await takeToken({ username: 'tom', password: PASSWORD })
      const second = await takeToken({ username: 'tom', password: PASSWORD })
      assert.equal(first.status, 200)
      assert.deepEqual(Object.keys(first.json), ['auth_token'])
      assert.notEqual(first.json.auth_token, second.json.auth_token)
      for (const { json } of [first, second]) {
        // 128 bits in the densest alphabet that a header can carry are 22 characters.
        assert.match(json.auth_token, /^[\w-]{22,}$/)
        assert.equal((await new Program(site, json.auth_token).call('POST', '/api/chats/')).status, 201)
      }
    })

    it('takes the name in any case', async () => {
      await signUp({ username: 'Casey', password: PASSWORD })
      assert.equal((await takeToken({ username: 'cASEY', password: PASSWORD })).status, 200)
    })

    it('refuses a wrong password and an unknown name in the same words, with 400', async () => {
      await signUp({ username: 'una', password: PASSWORD })
      const wrong = await takeToken({ username: 'una', password: `${PASSWORD}!` })
      const unknown = await takeToken({ username: 'nobody-here', password: PASSWORD })
      assert.equal(wrong.status, 400)
      assert.deepEqual(wrong.json.errors, { non_field_errors: ['Unable to log in with provided credentials.'] })
      assert.equal(unknown.status, 400)
      assert.equal(unknown.text, wrong.text)
    })
  })

  describe('a stale token', () => {
    it('blocks neither sign-up nor login', async () => {
      const headers = { authorization: 'Token 0123456789abcdef0123456789abcdef01234567' }
      assert.equal((await signUp({ username: 'stella', password: PASSWORD }, headers)).status, 201)
      assert.equal((await takeToken({ username: 'stella', password: PASSWORD }, headers)).status, 200)
    })

    it('is refused everywhere else, with 401 and the words of the original', async () => {
      for (const [method, path] of [
        ['POST', '/auth/token/destroy/'],
        ['GET', '/auth/tokens/'],
        ['POST', '/api/chats/'],
        ['GET', '/api/chats/AAAAAAAAAAAAAAAAAAAAAA/messages/'],
      ] as const) {
        const refused = await new Program(site, 'stale').call(method, path)
        assert.equal(refused.status, 401, path)
        assert.equal(refused.json.detail, 'Invalid token.')
        assert.equal(refused.headers.get('www-authenticate'), 'Token')
      }
    })
  })

  describe('the Authorization header', () => {
    it('takes Token and Bearer in any case', async () => {
      const { token } = await signUpProgram(site, 'bea')
      for (const scheme of ['Token', 'token', 'TOKEN', 'Bearer', 'bearer', 'BEARER', 'bEaReR']) {
        const answer = await anyone.call('POST', '/api/chats/', undefined, { authorization: `${scheme} ${token}` })
        assert.equal(answer.status, 201, scheme)
      }
    })

    it('refuses whatever is no token, never with 5xx', async () => {
      const { token } = await signUpProgram(site, 'otto')
      for (const authorization of [
        'Token',
        'Token ',
        'Bearer',
        'Basic YTpi',
        `Token ${token}x`,
        `Token ${token} x`,
        `Token "${token}"`,
        `${token}`,
        `Token ${(token ?? '').slice(0, -1)}`,
        'Token null',
        'Token undefined',
        `Token ${'x'.repeat(4000)}`,
      ]) {
        const answer = await anyone.call('POST', '/api/chats/', undefined, { authorization })
        assert.equal(answer.status, 401, authorization)
        assert.equal(answer.headers.get('www-authenticate'), 'Token')
      }
    })

    it('says that credentials were not provided where there are none', async () => {
      for (const [method, path] of [
        ['POST', '/auth/token/destroy/'],
        ['GET', '/auth/tokens/'],
        ['GET', '/api/chats/'],
        ['POST', '/api/chats/'],
        ['PATCH', '/api/chats/AAAAAAAAAAAAAAAAAAAAAA/'],
        ['GET', '/api/chats/AAAAAAAAAAAAAAAAAAAAAA/'],
        ['GET', '/api/chats/AAAAAAAAAAAAAAAAAAAAAA/messages/'],
        ['POST', '/api/chats/AAAAAAAAAAAAAAAAAAAAAA/messages/'],
      ] as const) {
        const answer = await anyone.call(method, path)
        assert.equal(answer.status, 401, `${method} ${path}`)
        assert.equal(answer.json.detail, 'Authentication credentials were not provided.')
        assert.equal(answer.headers.get('www-authenticate'), 'Token')
      }
    })
  })

  describe('POST /auth/token/destroy/', () => {
    it('answers 204 without a body and ends the token used, and no other', async () => {
      const one = await signUpProgram(site, 'dora')
      const other = new Program(site, (await takeToken({ username: 'dora', password: PASSWORD })).json.auth_token)
      const gone = await one.call('POST', '/auth/token/destroy/')
      assert.equal(gone.status, 204)
      assert.equal(gone.text, '')
      assert.equal((await one.call('POST', '/api/chats/')).status, 401)
      assert.equal((await other.call('POST', '/api/chats/')).status, 201)
    })
  })

  describe('GET /auth/tokens/', () => {
    it('lists the tokens of the user alone, says which one asks, and does not show them', async () => {
      const one = await signUpProgram(site, 'lea')
      const two = (await takeToken({ username: 'lea', password: PASSWORD })).json.auth_token
      await signUpProgram(site, 'leo')
      const list = await one.call('GET', '/auth/tokens/')
      assert.equal(list.status, 200)
      assert.equal(list.json.tokens.length, 2)
      assert.equal(list.json.tokens.filter((token: { current: boolean }) => token.current).length, 1)
      for (const token of list.json.tokens) {
        assert.equal(token.created_at, new Date(token.created_at).toISOString())
        assert.equal(token.last_used_at, new Date(token.last_used_at).toISOString())
      }
      assert.ok(!list.text.includes(one.token ?? '') && !list.text.includes(two))
    })
  })

  describe('DELETE /auth/tokens/:id', () => {
    it('ends a token of one’s own with 204, once, and none of anybody else', async () => {
      const one = await signUpProgram(site, 'rita')
      const lost = new Program(site, (await takeToken({ username: 'rita', password: PASSWORD })).json.auth_token)
      const other = await signUpProgram(site, 'rob')
      const { tokens } = (await one.call('GET', '/auth/tokens/')).json
      const { id } = tokens.find((token: { current: boolean }) => !token.current)
      assert.equal((await other.call('DELETE', `/auth/tokens/${id}/`)).status, 404)
      assert.equal((await lost.call('GET', '/auth/tokens/')).status, 200)
      const gone = await one.call('DELETE', `/auth/tokens/${id}/`)
      assert.equal(gone.status, 204)
      assert.equal(gone.text, '')
      assert.equal((await lost.call('GET', '/auth/tokens/')).status, 401)
      assert.equal((await one.call('DELETE', `/auth/tokens/${id}/`)).status, 404)
      assert.equal((await one.call('GET', '/auth/tokens/')).status, 200)
    })
  })

  describe('tokens', () => {
    it('end after 90 days without use, and not before', async () => {
      for (const [username, days, status] of [
        ['ned', 89, 201],
        ['nora', 91, 401],
      ] as const) {
        const program = await signUpProgram(site, username)
        const last_used_at = new Date(Date.now() - days * 86_400_000)
        const user_id = await idOf(username)
        await site.db.updateTable('tokens').set({ last_used_at }).where('user_id', '=', user_id).execute()
        assert.equal((await program.call('POST', '/api/chats/')).status, status)
      }
    })

    it('have their use written down, so that a token in use does not end', async () => {
      const program = await signUpProgram(site, 'uma')
      const user_id = await idOf('uma')
      const last_used_at = new Date(Date.now() - 80 * 86_400_000)
      await site.db.updateTable('tokens').set({ last_used_at }).where('user_id', '=', user_id).execute()
      await program.call('POST', '/api/chats/')
      const used = await site.db
        .selectFrom('tokens')
        .select('last_used_at')
        .where('user_id', '=', user_id)
        .executeTakeFirstOrThrow()
      assert.ok(Date.now() - used.last_used_at.getTime() < 60_000)
    })

    it('are stored hashed: the database holds no text of them', async () => {
      const { token = '' } = await signUpProgram(site, 'hal')
      const rows = await site.db.selectFrom('tokens').selectAll().execute()
      for (const row of rows) {
        assert.equal(row.key_hash.length, 32)
        assert.ok(!row.key_hash.equals(Buffer.from(token, 'base64url')))
        assert.ok(!JSON.stringify(row).includes(token))
      }
    })
  })

  describe('/auth/*', () => {
    it('ignores cookies', async () => {
      const browser = await new Visitor(site).signUp('cora')
      const json = { accept: 'application/json', 'x-csrf-token': browser.csrf }
      assert.equal((await browser.send('GET', '/auth/tokens/', undefined, json)).status, 401)
      assert.equal((await browser.send('POST', '/auth/token/destroy/', undefined, json)).status, 401)
      assert.equal((await browser.get('/')).status, 200)
      assert.match((await browser.get('/')).text, /Welcome <bdi>cora<\/bdi>/)
    })
  })

  async function idOf(username: string): Promise<number> {
    const { id } = await site.db
      .selectFrom('users')
      .select('id')
      .where('username', '=', username)
      .executeTakeFirstOrThrow()
    return id
  }
})
