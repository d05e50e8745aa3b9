import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReset } from '../../src/db/resets.js'
import { keyHash } from '../../src/keys.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Visitor } from '../support/visitor.js'

describe('sessions', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('are stored by the SHA-256 of their id: the database does not hold the id itself', async () => {
    const browser = await new Visitor(site).signUpByForm('ann')
    const id = browser.cookies.get('sid') ?? ''
    // 128 bits in base64url are 22 characters.
    assert.match(id, /^[\w-]{22,}$/)
    const rows = await site.db.selectFrom('sessions').selectAll().execute()
    assert.ok(rows.some(row => row.id_hash.equals(createHash('sha256').update(id).digest())))
    for (const row of rows) {
      assert.equal(row.id_hash.length, 32)
      assert.ok(!row.id_hash.equals(Buffer.from(id, 'base64url')) && !row.id_hash.includes(id))
    }
  })

  it('begin under a new id at login, and the id from before is dead', async () => {
    const browser = await new Visitor(site).signUpByForm('bob')
    const before = browser.cookies.get('sid') ?? ''
    await browser.get('/login')
    const login = await browser.post('/login', { username: 'bob', password: PASSWORD })
    assert.equal(login.status, 303)
    const after = browser.cookies.get('sid') ?? ''
    assert.notEqual(after, before)
    assert.match((await browser.get('/')).text, /Welcome <bdi>bob<\/bdi>/)
    assert.doesNotMatch((await withCookie(before)).text, /Welcome <bdi>/)
  })

  it('never take the id that a visitor brings along', async () => {
    for (const path of ['/login', '/signup']) {
      const browser = new Visitor(site)
      const planted = 'A'.repeat(43)
      browser.cookies.set('sid', planted)
      await browser.get('/login')
      browser.cookies.set('sid', planted)
      const username = path === '/login' ? 'bob' : 'bobby'
      const entered = await browser.post(path, { username, password: PASSWORD })
      assert.equal(entered.status, 303)
      assert.notEqual(browser.cookies.get('sid') ?? planted, planted)
      assert.doesNotMatch((await withCookie(planted)).text, /Welcome <bdi>/)
    }
  })

  it('end with logout: the row is gone, the old cookie opens nothing, and stored data is cleared', async () => {
    const browser = await new Visitor(site).signUpByForm('cyd')
    const id = browser.cookies.get('sid') ?? ''
    const uri = await browser.startChat()
    const out = await browser.post('/logout')
    assert.equal(out.status, 303)
    assert.equal(out.headers.get('location'), '/')
    assert.match(out.headers.get('clear-site-data') ?? '', /"storage"/)
    assert.equal(browser.cookies.get('sid'), undefined)
    const rows = await site.db.selectFrom('sessions').selectAll().where('id_hash', '=', keyHash(id)).execute()
    assert.deepEqual(rows, [])
    assert.doesNotMatch((await withCookie(id)).text, /Welcome <bdi>/)
    const poll = await new Visitor(site).send('GET', `/chats/${uri}/messages?after=0`, undefined, {
      cookie: `sid=${id}`,
      'hx-request': 'true',
    })
    assert.equal(poll.status, 401)
  })

  it('end for this browser alone with logout', async () => {
    const one = await new Visitor(site).signUpByForm('dan')
    const other = new Visitor(site)
    await other.get('/login')
    await other.post('/login', { username: 'dan', password: PASSWORD })
    await one.post('/logout')
    assert.match((await other.get('/')).text, /Welcome <bdi>dan<\/bdi>/)
  })

  it('all end with a new password', async () => {
    const browser = await new Visitor(site).signUpByForm('eve')
    const { id } = await site.db
      .selectFrom('users')
      .select('id')
      .where('username', '=', 'eve')
      .executeTakeFirstOrThrow()
    await createReset(site.db, id, keyHash('reset-key'))
    const stranger = new Visitor(site)
    await stranger.get('/reset/reset-key')
    const changed = await stranger.post('/reset/reset-key', { password: 'another horse battery' })
    assert.equal(changed.status, 303)
    assert.doesNotMatch((await browser.get('/')).text, /Welcome <bdi>/)
    assert.equal((await stranger.get('/reset/reset-key')).status, 404)
  })

  it('end after 30 days without use and after 180 days in all, and not before', async () => {
    await new Visitor(site).signUpByForm('fay')
    for (const [used, begun, isIn] of [
      [29, 179, true],
      [31, 31, false],
      [0, 181, false],
    ] as const) {
      const browser = new Visitor(site)
      await browser.get('/login')
      await browser.post('/login', { username: 'fay', password: PASSWORD })
      const id = browser.cookies.get('sid') ?? ''
      await site.pool.query(
        `update sessions set last_used_at = now() - $1 * interval '1 day', created_at = now() - $2 * interval '1 day'
        where id_hash = $3`,
        [used, begun, keyHash(id)],
      )
      assert.equal(/Welcome <bdi>fay/.test((await withCookie(id)).text), isIn, `${used} ${begun}`)
    }
  })

  it('are no rows for visitors who are not signed in', async () => {
    const count = async () => (await site.db.selectFrom('sessions').selectAll().execute()).length
    const before = await count()
    const visitor = new Visitor(site)
    for (const path of ['/', '/login', '/signup', '/nothing', '/login']) {
      await visitor.get(path)
    }
    await visitor.post('/login', { username: 'nobody', password: PASSWORD })
    assert.equal(await count(), before)
  })

  it('live in a cookie that is HttpOnly and SameSite=Lax, for this host and all paths', async () => {
    const visitor = new Visitor(site)
    const form = await visitor.get('/signup')
    const entered = await visitor.post('/signup', { username: 'gil', password: PASSWORD })
    const cookies = [...form.headers.getSetCookie(), ...entered.headers.getSetCookie()]
    assert.ok(cookies.some(cookie => cookie.startsWith('sid=')))
    for (const cookie of cookies) {
      assert.match(cookie, /; *httponly/i)
      assert.match(cookie, /; *samesite=lax/i)
      assert.match(cookie, /; *path=\/(;|$)/i)
      assert.doesNotMatch(cookie, /; *domain=/i)
    }
  })

  async function withCookie(id: string): Promise<Answer> {
    return new Visitor(site).get('/', { cookie: `sid=${id}` })
  }
})

describe('sessions where PUBLIC_URL is https', () => {
  let site: Site
  before(async () => {
    site = await openSite({ PUBLIC_URL: 'https://chat.example' })
  })
  after(() => site.close())

  it('live in cookies that are Secure and named __Host-', async () => {
    const visitor = new Visitor(site)
    const form = await visitor.get('/signup')
    assert.equal(form.status, 200)
    const entered = await visitor.post('/signup', { username: 'ann', password: PASSWORD })
    assert.equal(entered.status, 303)
    const cookies = [...form.headers.getSetCookie(), ...entered.headers.getSetCookie()]
    assert.ok(cookies.some(cookie => cookie.startsWith('__Host-sid=')))
    for (const cookie of cookies) {
      assert.match(cookie, /^__Host-/)
      assert.match(cookie, /; *secure/i)
      assert.match(cookie, /; *httponly/i)
      assert.match(cookie, /; *samesite=lax/i)
      assert.match(cookie, /; *path=\/(;|$)/i)
      assert.doesNotMatch(cookie, /; *domain=/i)
    }
    assert.match((await visitor.get('/')).text, /Welcome <bdi>ann<\/bdi>/)
  })

  it('do not begin by the cookie of another name, which plain http could have set', async () => {
    const visitor = await new Visitor(site).signUpByForm('bob')
    const id = visitor.cookies.get('__Host-sid') ?? ''
    assert.notEqual(id, '')
    const answer = await new Visitor(site).get('/', { cookie: `sid=${id}` })
    assert.doesNotMatch(answer.text, /Welcome <bdi>/)
  })

  it('end with logout', async () => {
    const visitor = await new Visitor(site).signUpByForm('cyd')
    assert.equal((await visitor.post('/logout')).status, 303)
    assert.doesNotMatch((await visitor.get('/')).text, /Welcome <bdi>/)
  })

  it('come with HSTS for a year, subdomains included, on every answer', async () => {
    const visitor = new Visitor(site)
    for (const path of ['/', '/nothing', '/api/chats/', '/up']) {
      const { headers } = await visitor.get(path)
      const [, age = '0'] = /max-age=(\d+)/.exec(headers.get('strict-transport-security') ?? '') ?? []
      assert.ok(Number(age) >= 31_536_000, path)
      assert.match(headers.get('strict-transport-security') ?? '', /includeSubDomains/)
    }
  })

  it('show the chat’s URL by PUBLIC_URL, whatever Host says', async () => {
    const visitor = await new Visitor(site).signUpByForm('dan')
    const uri = await visitor.startChat()
    const page = await visitor.get(`/chats/${uri}`)
    assert.ok(page.text.includes(`"https://chat.example/chats/${uri}"`))
    assert.ok(!page.text.includes('127.0.0.1'))
  })
})
