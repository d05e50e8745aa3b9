import assert from 'node:assert/strict'
import { deleteExpired } from '../../src/db/expiry.js'
import { stored } from '../input/rows.js'
import type { Answer } from '../support/exchange.js'
import { waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Visitor } from '../support/visitor.js'

describe('a form that is sent twice', () => {
  let site: Site
  let other: Site
  let uri: string
  let count = 0
  before(async () => {
    site = await openSite()
    // Another process of the same site.
    other = await openSite({}, site)
    uri = await (await new Visitor(site).signUp('ann')).startChat()
  })
  after(async () => {
    await other.close()
    await site.close()
  })

  interface Form {
    /** The page that has the form. */
    page: () => Promise<{ visitor: Visitor; text: string }>
    path: () => string
    fields: () => Record<string, string>
    /** How many rows it makes. */
    makes: Record<string, number>
  }

  const visiting = (path: string) => async () => {
    const visitor = new Visitor(site)
    return { visitor, text: (await visitor.get(path)).text }
  }

  const FORMS: Record<string, Form> = {
    'Start Chatting by a guest': {
      page: () => visiting('/')(),
      path: () => '/guests',
      fields: () => ({ name: 'Carla' }),
      makes: { users: 1, sessions: 1, chats: 1 },
    },
    'Start Talking': {
      page: () => visiting(`/chats/${uri}`)(),
      path: () => `/chats/${uri}/guests`,
      fields: () => ({ name: `Carla${++count}` }),
      makes: { users: 1, sessions: 1, members: 1 },
    },
    'Sign Up': {
      page: () => visiting('/signup')(),
      path: () => '/signup',
      fields: () => ({ username: `carla${++count}`, password: PASSWORD, next: `/chats/${uri}` }),
      makes: { users: 1, sessions: 1 },
    },
    'Start Chatting': {
      page: async () => {
        const visitor = await new Visitor(site).signUp(`dora${++count}`)
        return { visitor, text: (await visitor.get('/')).text }
      },
      path: () => '/chats',
      fields: () => ({}),
      makes: { chats: 1, members: 1 },
    },
  }

  for (const [name, form] of Object.entries(FORMS)) {
    it(`leads both times to the same, at the same moment in two processes: ${name}`, async () => {
      const { visitor, text } = await form.page()
      const fields = { ...form.fields(), key: keyOf(text, form.path()) }
      const before = await stored(site)
      const holder = await site.pool.connect()
      await holder.query('begin')
      await holder.query('lock table submissions in exclusive mode')
      const both = [site, other].map(each => browserOf(visitor, each))
      const sent = both.map(browser => browser.post(form.path(), fields))
      await waiting(site, 2)
      await holder.query('commit')
      holder.release()
      const answers = await Promise.all(sent)
      same(answers)
      grew(before, await stored(site), form.makes)
      for (const browser of both) {
        await isIn(browser, answers[0]?.headers.get('location') ?? '')
      }
    })

    it(`leads both times to the same, one after the other, with and without the first answer’s cookie: ${name}`, async () => {
      const { visitor, text } = await form.page()
      const fields = { ...form.fields(), key: keyOf(text, form.path()) }
      const before = await stored(site)
      const [first, again, third] = [visitor, browserOf(visitor, other), browserOf(visitor, site)]
      const { csrf } = visitor
      const answers = [await first.post(form.path(), fields), await again.post(form.path(), fields)]
      third.cookies.clear()
      for (const [cookie, value] of [...visitor.cookies, ...first.cookies]) {
        third.cookies.set(cookie, value)
      }
      answers.push(await third.post(form.path(), { ...fields, csrf }))
      same(answers)
      grew(before, await stored(site), form.makes)
      for (const browser of [first, again, third]) {
        await isIn(browser, answers[0]?.headers.get('location') ?? '')
      }
    })

    it(`does it again with another key, after 10 minutes, and in another browser: ${name}`, async () => {
      const { visitor, text } = await form.page()
      const key = keyOf(text, form.path())
      const fresh = browserOf(visitor, site)
      const send = async (browser: Visitor, key: string) =>
        (await browser.post(form.path(), { ...form.fields(), key })).headers
      const first = await send(visitor, key)
      await site.pool.query(`update submissions set created_at = now() - interval '10 minutes 1 second'`)
      const second = await send(browserOf(fresh, site), key)
      const third = await send(browserOf(fresh, site), 'another')
      const far = await form.page()
      const fourth = await send(far.visitor, key)
      const told = [first, second, third, fourth].map(
        headers => `${headers.get('location')} ${headers.getSetCookie().find(cookie => cookie.startsWith('sid='))}`,
      )
      assert.equal(new Set(told).size, 4, told.join('\n'))
    })
  }

  it('is done again where the first has failed', async () => {
    const { visitor, text } = await visiting('/signup')()
    const key = keyOf(text, '/signup')
    const username = `carla${++count}`
    assert.equal((await visitor.post('/signup', { username, password: 'short', key })).status, 422)
    assert.equal((await visitor.post('/signup', { username, password: PASSWORD, key })).status, 303)
  })

  it('signs nobody in once the first session has ended', async () => {
    const { visitor, text } = await visiting('/')()
    const key = keyOf(text, '/guests')
    const late = browserOf(visitor, site)
    const first = await visitor.post('/guests', { name: 'Carla', key })
    const sid = visitor.cookies.get('sid')
    await visitor.get('/')
    await visitor.post('/logout')
    const again = await late.post('/guests', { name: 'Carla', key })
    assert.notEqual(again.headers.get('location'), first.headers.get('location'))
    assert.notEqual(late.cookies.get('sid'), sid)
  })

  it('is forgotten once an hour, after 10 minutes', async () => {
    const { visitor, text } = await visiting('/')()
    await visitor.post('/guests', { name: 'Carla', key: keyOf(text, '/guests') })
    await site.pool.query(`update submissions set created_at = now() - interval '9 minutes'`)
    const rows = async () => (await site.pool.query('select 1 from submissions')).rows.length
    await deleteExpired(site.db)
    assert.notEqual(await rows(), 0)
    await site.pool.query(`update submissions set created_at = now() - interval '11 minutes'`)
    await deleteExpired(site.db)
    assert.equal(await rows(), 0)
  })

  /** A browser with the cookies and the token that this one has now. */
  function browserOf({ cookies, csrf }: Visitor, at: Site): Visitor {
    const browser = new Visitor(at)
    for (const [name, value] of cookies) {
      browser.cookies.set(name, value)
    }
    return Object.assign(browser, { csrf })
  }

  function keyOf(page: string, action: string): string {
    const [, form = ''] = new RegExp(`<form[^>]* action="${action}"[^>]*>(.*?)</form>`, 's').exec(page) ?? []
    const [, key] = /name="key" value="([^"]{22})"/.exec(form) ?? []
    assert.ok(key, page)
    return key
  }

  function same(answers: Answer[]) {
    const [first] = answers
    for (const { status, headers, text } of answers) {
      assert.equal(status, 303, text)
      assert.equal(headers.get('location'), first?.headers.get('location'))
    }
  }

  function grew(before: Record<string, number>, after: Record<string, number>, by: Record<string, number>) {
    for (const [table, rows] of Object.entries(by)) {
      assert.equal((after[table] ?? 0) - (before[table] ?? 0), rows, table)
    }
  }

  async function isIn(browser: Visitor, path: string) {
    const page = await browser.get(path)
    assert.equal(page.status, 200)
    assert.match(page.text, /id="composer"/)
  }
})
