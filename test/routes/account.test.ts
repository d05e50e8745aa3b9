import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36'
const MARKUP = '"><script>alert(1)</script>'

describe('the account page', () => {
  let site: Site
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const unique = (name = 'user') => `${name}${++count}x`

  /** Signs in by the form from another browser. */
  async function signIn(username: string, password = PASSWORD, agent = '') {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    const answer = await visitor.post('/login', { username, password }, { 'user-agent': agent })
    await visitor.get('/')
    return { visitor, answer }
  }

  describe('GET /account', () => {
    it('is for who is signed in, and linked from the name at the top of every page', async () => {
      assert.equal((await new Visitor(site).get('/account')).status, 401)
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      assert.match((await ann.get('/')).text, new RegExp(`<a [^>]*href="/account"[^>]*>.*<bdi>${name}</bdi></a>`))
      const page = await ann.get('/account')
      assert.equal(page.status, 200)
      assert.match(page.headers.get('cache-control') ?? '', /no-store/)
      const done = await ann.get('/account?done=password#main')
      assert.match(done.text, /role="status">Your password is changed\./)
      assert.doesNotMatch((await ann.get(`/account?done=${encodeURIComponent(MARKUP)}`)).text, /role="status"/)
    })

    it('says which browsers are signed in, in words, and which of them this is', async () => {
      const name = unique()
      await new Visitor(site).signUp(name)
      await signIn(name, PASSWORD, CHROME)
      const { visitor } = await signIn(name, PASSWORD, FIREFOX)
      const { text } = await visitor.get('/account')
      assert.match(text, /Chrome on Windows</)
      assert.match(text, /Firefox on Linux <strong[^>]*>this browser/)
      assert.equal(text.split('this browser').length, 2)
    })

    it('shows nothing that a browser calls itself but words of ours, and keeps 200 characters of it', async () => {
      const name = unique()
      await new Visitor(site).signUp(name)
      const { visitor } = await signIn(name, PASSWORD, `${MARKUP}\t${'x'.repeat(500)}`)
      assert.match((await visitor.get('/account')).text, /An unknown browser/)
      assert.doesNotMatch((await visitor.get('/account')).text, /<script>alert/)
      const row = await site.db.selectFrom('sessions').select('agent').orderBy('id', 'desc').limit(1).executeTakeFirst()
      assert.equal(row?.agent, `${MARKUP}${'x'.repeat(500)}`.slice(0, LIMITS.agentLength))
    })
  })

  describe('POST /account', () => {
    it('changes the name shown, in the chats too, where new messages have it at once', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      const bob = await new Visitor(site).signUp(unique('bob'))
      const uri = await ann.startChat()
      await bob.get(`/chats/${uri}`)
      await ann.post(`/chats/${uri}/messages`, { message: 'before' })
      const { version } = (await ann.send('GET', `/api/chats/${uri}/`)).json
      await bob.htmx('GET', `/chats/${uri}/messages?after=0`)
      const changed = await ann.post('/account', { name: ' Ann  O’Hara ' })
      assert.equal(changed.status, 303)
      assert.equal(changed.headers.get('location'), '/account?done=name#main')
      assert.match((await ann.get('/account?done=name')).text, /<bdi>Ann O&#39;Hara<\/bdi>/)
      await ann.post(`/chats/${uri}/messages`, { message: 'after' })
      const news = await bob.htmx('GET', `/chats/${uri}/messages?after=${version}`)
      assert.match(news.text, /<bdi[^>]*>Ann O&#39;Hara<\/bdi> has a new name/)
      assert.match(news.text, /message__author[\s\S]*Ann O&#39;Hara[\s\S]*after/)
      const { text } = await bob.get(`/chats/${uri}`)
      // The username is said beside the new name alone.
      const shown = text.replaceAll(` title="@${name}"`, '').replaceAll(`@${name}`, '')
      assert.ok(text.includes('before') && !shown.includes(name), 'nowhere under the old one')
      const { json } = await bob.send('GET', `/api/chats/${uri}/messages/?after=0`)
      assert.deepEqual(
        new Set(
          json.messages
            .filter((m: { event: string }) => m.event === 'message')
            .map((m: { user: { name: string } }) => m.user.name),
        ),
        new Set(["Ann O'Hara"]),
      )
      assert.equal((await signIn(name)).answer.status, 303, 'the username stays')
    })

    it('gives a name that will not do back to its form, with the reason, and keeps the other forms as they are', async () => {
      const taken = unique('Taken')
      await new Visitor(site).signUp(taken)
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      for (const [wrong, sentence] of [
        ['', /Fill this in/],
        ['Ann (guest)', /valid name/],
        [MARKUP, /valid name/],
        ['x'.repeat(51), /At most 50 characters/],
        ['moderator', /reserved/],
        [taken.toUpperCase(), /Somebody else has this username/],
      ] as const) {
        const refused = await ann.post('/account', { name: wrong })
        assert.equal(refused.status, 422, wrong)
        const [, form = ''] = /(<form[^>]*id="name"[\s\S]*?<\/form>)/.exec(refused.text) ?? []
        assert.match(form, sentence)
        assert.match(form, /aria-invalid/)
        assert.ok(
          form.includes(
            `value="${wrong.replace(/["<>]/g, c => ({ '"': '&quot;', '<': '&lt;', '>': '&gt;' })[c] ?? c)}"`,
          ),
          wrong,
        )
        assert.equal(refused.text.split('aria-invalid').length, 2)
        const fragment = await ann.htmx('POST', '/account', { name: wrong })
        assert.equal(fragment.status, 422)
        assert.match(fragment.text, /hx-target="#alert"/)
      }
      const { rows } = await site.pool.query('select name from users where username = $1', [name])
      assert.equal(rows[0].name, name)
    })

    it('lets people have their username back, whatever it is, and takes a name that is the present one as done', async () => {
      const long = `${'x'.repeat(60)}${++count}`
      const ann = await new Visitor(site).signUp(long)
      for (const name of ['Ann', long, long]) {
        assert.equal((await ann.post('/account', { name })).status, 303)
      }
    })

    it('changes the e-mail address, or takes it away, and gives a wrong one back', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      assert.equal(
        (await ann.post('/account', { email: 'ann@example.org', password: PASSWORD })).headers.get('location'),
        '/account?done=email#main',
      )
      assert.match((await ann.get('/account')).text, /value="ann@example\.org"/)
      const refused = await ann.post('/account', { email: 'nonsense', password: PASSWORD })
      assert.equal(refused.status, 422)
      assert.match(refused.text, /value="nonsense"[\s\S]*Enter a valid email address\./)
      assert.equal((await ann.post('/account', { email: '', password: PASSWORD })).status, 303)
      assert.equal((await ann.send('GET', '/api/account/')).json.email, '')
    })

    it('takes five names at once, and one every ten minutes then', async () => {
      const limited = await openSite({ LIMITS: 'on' })
      const ann = await new Visitor(limited).signUp('ann')
      for (let n = 0; n < 5; n++) {
        assert.equal((await ann.post('/account', { name: `Ann ${n}` })).status, 303)
      }
      const refused = await ann.post('/account', { name: 'Ann 5' })
      assert.equal(refused.status, 429)
      assert.match(refused.text, /value="Ann 5"/)
      assert.ok(Number(refused.headers.get('retry-after')) > 500)
      assert.equal((await ann.post('/account', { email: 'ann@example.org', password: PASSWORD })).status, 303)
      await limited.close()
    })
  })

  describe('POST /account/password', () => {
    it('sets a new one, ends the other sessions, gives this one a new id, and keeps tokens', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      const { visitor: other } = await signIn(name)
      const program = new Program(
        site,
        (await new Program(site).call('POST', '/auth/token/create/', { username: name, password: PASSWORD })).json
          .auth_token,
      )
      const before = ann.cookies.get('sid') ?? ''
      const changed = await ann.post('/account/password', {
        current_password: PASSWORD,
        password: 'another horse battery',
      })
      assert.equal(changed.headers.get('location'), '/account?done=password#main')
      assert.notEqual(ann.cookies.get('sid'), before)
      assert.equal((await ann.get('/account')).status, 200)
      assert.equal((await other.get('/account')).status, 401)
      assert.equal((await new Visitor(site).get('/account', { cookie: `sid=${before}` })).status, 401)
      assert.equal((await program.call('GET', '/api/chats/')).status, 200)
      assert.equal((await signIn(name)).answer.status, 422)
      assert.equal((await signIn(name, 'another horse battery')).answer.status, 303)
      assert.equal((await ann.post('/account', { name: 'Still here' })).status, 303, 'forms go by the new session')
    })

    it('needs the current one, and one that will do; nothing that was typed comes back', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      for (const [fields, field, sentence] of [
        [
          { current_password: 'wrong horse', password: 'another horse battery' },
          'current_password',
          /This is not your password\./,
        ],
        [{ current_password: '', password: 'another horse battery' }, 'current_password', /Fill this in/],
        [{ current_password: PASSWORD, password: 'short' }, 'password', /At least 8 characters/],
        [{ current_password: PASSWORD, password: `x${name}9` }, 'password', /Too close to your username/],
      ] as const) {
        const refused = await ann.post('/account/password', fields)
        assert.equal(refused.status, 422)
        assert.match(refused.text, sentence)
        assert.match(refused.text, new RegExp(`name="${field}"[^>]*aria-invalid`))
        assert.doesNotMatch(refused.text, /wrong horse|another horse/)
      }
      assert.equal((await signIn(name)).answer.status, 303)
    })

    it('cannot be guessed: tries count as tries to sign in', async () => {
      const limited = await openSite({ LIMITS: 'on' })
      const ann = await new Visitor(limited).signUp('ann')
      const statuses: number[] = []
      for (let n = 0; n <= LIMITS.logins.burst; n++) {
        statuses.push(
          (await ann.post('/account/password', { current_password: `guess ${n}`, password: 'another horse battery' }))
            .status,
        )
      }
      assert.deepEqual(statuses, [...Array(LIMITS.logins.burst).fill(422), 429])
      assert.equal((await ann.post('/account/delete', { password: PASSWORD })).status, 429)
      await limited.close()
    })
  })

  describe('POST /account/sessions/:id/end', () => {
    it('signs out another browser, and nobody else’s', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      const { visitor: other } = await signIn(name)
      const bob = await new Visitor(site).signUp(unique('bob'))
      const uri = await ann.startChat()
      const [, id] = /\/account\/sessions\/(\d+)\/end/.exec((await ann.get('/account')).text) ?? []
      assert.equal((await bob.post(`/account/sessions/${id}/end`)).status, 404)
      assert.equal((await other.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 200)
      const ended = await ann.post(`/account/sessions/${id}/end`)
      assert.equal(ended.headers.get('location'), '/account?done=session#main')
      assert.equal((await other.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 401)
      assert.equal((await ann.post(`/account/sessions/${id}/end`)).status, 404)
      assert.equal((await ann.post('/account/sessions/x/end')).status, 404)
      assert.equal((await ann.get('/account')).status, 200)
    })
  })

  describe('POST /account/tokens', () => {
    it('shows a new token this once, and lists it by its name', async () => {
      const ann = await new Visitor(site).signUp(unique())
      const made = await ann.post('/account/tokens', { name: ' <b>backup</b> ' })
      assert.equal(made.status, 200)
      assert.match(made.headers.get('cache-control') ?? '', /no-store/)
      const [, key = ''] = /id="made"[^>]*value="([\w-]{40,})"/.exec(made.text) ?? []
      assert.equal((await new Program(site, key).call('GET', '/api/account/')).status, 200)
      const { text } = await ann.get('/account')
      assert.ok(!text.includes(key))
      assert.match(text, /<bdi>&lt;b&gt;backup&lt;\/b&gt;<\/bdi>/)
      const [, id] = /\/account\/tokens\/(\d+)\/revoke/.exec(text) ?? []
      const bob = await new Visitor(site).signUp(unique('bob'))
      assert.equal((await bob.post(`/account/tokens/${id}/revoke`)).status, 404)
      assert.equal((await ann.post(`/account/tokens/${id}/revoke`)).headers.get('location'), '/account?done=token#main')
      assert.equal((await new Program(site, key).call('GET', '/api/account/')).status, 401)
    })

    it('go on after a new password, which says so, with a button that revokes them all', async () => {
      const name = unique()
      const ann = await new Visitor(site).signUp(name)
      const change = async (current_password: string, password: string) => {
        await ann.post('/account/password', { current_password, password })
        return (await ann.get('/account?done=password')).text
      }
      const without = await change(PASSWORD, 'another horse battery')
      assert.match(without, /role="status">Your password is changed\. You are signed out everywhere else\.<\/p>/)
      assert.doesNotMatch(without, /End All Access/)

      const take = async (username: string, password: string) =>
        new Program(
          site,
          (await new Program(site).call('POST', '/auth/token/create/', { username, password })).json.auth_token,
        )
      const programs = [await take(name, 'another horse battery'), await take(name, 'another horse battery')]
      const others = await signUpProgram(site, unique('bob'))
      const text = await change('another horse battery', PASSWORD)
      assert.match(text, /role="status">Your password is changed\..* Programs keep their access\.<\/p>/)
      const [, action = ''] = /<form[^>]* action="([^"]+)"[^>]*>[\s\S]{1,200}End All Access/.exec(text) ?? []
      const stati = async () =>
        Promise.all([...programs, others].map(async p => (await p.call('GET', '/api/account/')).status))
      assert.deepEqual(await stati(), [200, 200, 200])
      assert.equal((await ann.post(action, { csrf: 'x' })).status, 403)
      const revoked = await ann.post(action)
      assert.equal(revoked.headers.get('location'), '/account?done=tokens#main')
      assert.deepEqual(await stati(), [401, 401, 200])
      // Read from the database, where a request may still be let in from memory.
      assert.equal((await others.call('GET', '/auth/tokens/')).json.tokens.length, 1)
      assert.match((await ann.get('/account?done=tokens')).text, /role="status">All access for programs is ended\.</)
      assert.doesNotMatch((await ann.get('/account?done=password')).text, /End All Access/)

      const last = await take(name, PASSWORD)
      assert.equal((await last.call('DELETE', '/api/account/tokens/')).status, 204)
      assert.equal((await last.call('GET', '/api/account/')).status, 401)
      const again = await take(name, PASSWORD)
      assert.equal(
        (await ann.send('DELETE', '/api/account/tokens/', undefined, { 'x-csrf-token': ann.csrf })).status,
        204,
      )
      assert.equal((await again.call('GET', '/api/account/')).status, 401)
      assert.equal((await ann.get('/account')).status, 200)
    })

    it('gives a name that will not do back', async () => {
      const ann = await new Visitor(site).signUp(unique())
      for (const name of ['', ' ', `${MARKUP}${'x'.repeat(100)}`]) {
        const refused = await ann.post('/account/tokens', { name })
        assert.equal(refused.status, 422)
        assert.match(refused.text, /id="token-name"[^>]*aria-invalid/)
        assert.doesNotMatch(refused.text, /<script>alert/)
      }
      assert.equal((await ann.send('GET', '/api/account/tokens/')).json.tokens.length, 0)
    })
  })

  describe('POST /account/delete', () => {
    it('ends the account: its messages stay under another name, on the page, in JSON and in what is read again', async () => {
      const name = unique('Doomed')
      const ann = await new Visitor(site).signUp(name)
      await ann.post('/account', { email: 'doomed@example.org', password: PASSWORD })
      const bob = await new Visitor(site).signUp(unique('bob'))
      const uri = await ann.startChat()
      await bob.get(`/chats/${uri}`)
      await ann.post(`/chats/${uri}/messages`, { message: 'my last words' })
      const token = (
        await new Program(site).call('POST', '/auth/token/create/', { username: name, password: PASSWORD })
      ).json.auth_token
      // In memory, rendered with the old name.
      await bob.htmx('GET', `/chats/${uri}/messages?after=0`)
      const refused = await ann.post('/account/delete', { password: 'wrong horse' })
      assert.equal(refused.status, 422)
      assert.match(refused.text, /This is not your password\./)

      const gone = await ann.post('/account/delete', { password: PASSWORD })
      assert.equal(gone.status, 303)
      assert.equal(ann.cookies.get('sid'), undefined)
      assert.match(gone.headers.get('clear-site-data') ?? '', /storage/)
      assert.equal((await new Program(site, token).call('GET', '/api/chats/')).status, 401)

      for (const answer of [
        await bob.get(`/chats/${uri}`),
        await bob.htmx('GET', `/chats/${uri}/messages?after=0`),
        await bob.send('GET', `/api/chats/${uri}/messages/`),
        await bob.send('GET', `/api/chats/${uri}/messages/?after=0`),
        await bob.send('GET', `/api/chats/${uri}/`),
        await bob.get('/'),
      ]) {
        assert.ok(!answer.text.toLowerCase().includes('doomed'), answer.text)
      }
      const { messages } = (await bob.send('GET', `/api/chats/${uri}/messages/`)).json
      assert.equal(messages[0].message, 'my last words')
      assert.deepEqual([messages[0].user.name, messages[0].user.username], ['deleted user', 'deleted user'])
      assert.match((await bob.get(`/chats/${uri}`)).text, /deleted user<\/bdi>[\s\S]*my last words/)
      assert.match((await bob.get(`/chats/${uri}`)).text, /is the owner now/)

      assert.equal((await signIn(name)).answer.status, 422)
      const visitor = new Visitor(site)
      await visitor.get('/signup')
      const again = await visitor.post('/signup', { username: name.toUpperCase(), password: PASSWORD })
      assert.equal(again.status, 422)
      assert.match(again.text, /Somebody has that username already\./)
    })
  })

  describe('for a guest', () => {
    it('has a name, a way to keep the account and a way to delete it, and nothing that needs a password', async () => {
      const gus = await guest(site, unique('Gus'))
      const { text } = await gus.get('/account')
      assert.match(text, /Keep this account<\/h2>/)
      assert.doesNotMatch(text, /current_password|Access for programs|account-email/)
      assert.match((await gus.get('/')).text, /href="\/account#keep"/)
      for (const [path, fields] of [
        ['/account/password', { current_password: PASSWORD, password: 'another horse battery' }],
        ['/account/tokens', { name: 'x' }],
        ['/account', { email: 'gus@example.org' }],
      ] as const) {
        assert.equal((await gus.post(path, fields)).status, 403, path)
      }
      assert.equal((await gus.post('/account', { name: 'Gustav' })).status, 303)
      assert.match((await gus.get('/account')).text, /<bdi>Gustav<\/bdi>/)
    })

    it('keeps chats and messages as an account, by a new session', async () => {
      const name = unique('Gus')
      const gus = await guest(site, name)
      const ann = await new Visitor(site).signUp(unique())
      const uri = await ann.startChat()
      await gus.get(`/chats/${uri}`)
      await gus.post(`/chats/${uri}/messages`, { message: 'as a guest' })
      await ann.htmx('GET', `/chats/${uri}/messages?after=0`)
      const before = gus.cookies.get('sid')
      const username = unique('gus')
      const kept = await gus.post('/account/keep', { username, password: PASSWORD, email: 'gus@example.org' })
      assert.equal(kept.headers.get('location'), '/account?done=kept#main')
      assert.notEqual(gus.cookies.get('sid'), before)
      assert.equal((await new Visitor(site).get('/account', { cookie: `sid=${before}` })).status, 401)
      assert.match((await gus.get('/account?done=kept')).text, new RegExp(`<bdi>${username}</bdi>`))
      const { messages } = (await ann.send('GET', `/api/chats/${uri}/messages/`)).json
      assert.deepEqual(
        [messages[0].user.name, messages[0].user.username, messages[0].user.guest],
        [name, username, false],
      )
      const { visitor } = await signIn(username)
      assert.equal((await visitor.get(`/chats/${uri}`)).status, 200)
      assert.match((await visitor.get('/')).text, /as a guest/)
      assert.equal((await visitor.post('/account/keep', { username: unique(), password: PASSWORD })).status, 403)
    })

    it('is asked as at sign-up, and loses nothing by a wrong answer', async () => {
      const taken = unique('taken')
      await new Visitor(site).signUp(taken)
      const gus = await guest(site, unique('Gus'))
      for (const [fields, sentence] of [
        [{ username: taken, password: PASSWORD, email: 'g@example.org' }, /Somebody has that username/],
        [{ username: 'not this', password: PASSWORD, email: 'g@example.org' }, /valid username/],
        [{ username: 'gus-fine', password: 'short', email: 'g@example.org' }, /At least 8 characters\./],
      ] as const) {
        const refused = await gus.post('/account/keep', fields)
        assert.equal(refused.status, 422)
        assert.match(refused.text, sentence)
        assert.match(refused.text, new RegExp(`id="keep-username"[^>]*value="${fields.username}"`))
        assert.match(refused.text, /id="keep-email"[^>]*value="g@example\.org"/)
      }
      assert.match((await gus.get('/account')).text, /Keep this account<\/h2>/)
    })

    it('is deleted by a ticked box', async () => {
      const name = unique('Gus')
      const gus = await guest(site, name)
      const ann = await new Visitor(site).signUp(unique())
      const uri = await ann.startChat()
      await gus.get(`/chats/${uri}`)
      const refused = await gus.post('/account/delete')
      assert.equal(refused.status, 422)
      assert.match(refused.text, /Tick the box/)
      assert.equal((await gus.post('/account/delete', { sure: 'on' })).status, 303)
      assert.ok(!(await ann.send('GET', `/api/chats/${uri}/messages/?after=0`)).text.includes(name))
    })

    it('is told before signing out that the name is lost', async () => {
      const gus = await guest(site, unique('Gus'))
      assert.match((await gus.get('/')).text, /<a [^>]*href="\/logout"/)
      assert.match((await gus.get('/logout')).text, /as a guest: once you are signed out/)
      assert.equal((await gus.post('/logout')).status, 303)
      assert.equal((await gus.get('/account')).status, 401)
      assert.equal((await gus.get('/logout')).status, 303)
    })
  })

  it('asks at most three statements, each time', async () => {
    const ann = await new Visitor(site).signUp(unique())
    const statements = await statementsOf(() => ann.get('/account'))
    assert.ok(statements.length <= 3, statements.map(({ text }) => text).join('\n'))
  })

  it('is done to nobody by another site, nor without the page’s token', async () => {
    const ann = await new Visitor(site).signUp(unique())
    const gus = await guest(site, unique('Gus'))
    const deeds: [Visitor, string, Record<string, string>][] = [
      [ann, '/account', { name: 'Forged' }],
      [ann, '/account/password', { current_password: PASSWORD, password: 'another horse battery' }],
      [ann, '/account/tokens', { name: 'forged' }],
      [ann, '/account/delete', { password: PASSWORD }],
      [gus, '/account/keep', { username: unique(), password: PASSWORD }],
      [gus, '/account/delete', { sure: 'on' }],
    ]
    for (const [visitor, path, fields] of deeds) {
      const answers: Answer[] = [
        await visitor.post(path, { ...fields, csrf: 'wrong' }),
        await visitor.post(path, fields, { 'sec-fetch-site': 'cross-site' }),
      ]
      assert.deepEqual(
        answers.map(({ status }) => status),
        [403, 403],
        path,
      )
      await visitor.get('/account')
    }
    assert.equal((await new Visitor(site).post('/account', { name: 'Nobody' })).status, 401)
  })
})
