import assert from 'node:assert/strict'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { Visitor } from '../support/visitor.js'

describe('an idle poll', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let uri: string
  let version: number

  beforeEach(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    uri = await ann.startChat()
    const page = await bob.get(`/chats/${uri}`)
    version = Number(/id="tail-(\d+)"/.exec(page.text)?.[1])
    assert.equal((await poll(bob)).status, 204)
  })
  afterEach(() => site.close())

  it('asks the database nothing, and its answer is that of the long way', async () => {
    const statements = await statementsOf(async () => {
      const short = await poll(bob)
      // What it does not know leads the long way.
      const long = await poll(bob, '&other=1')
      assert.equal(short.status, 204)
      assert.equal(long.status, 204)
      assert.deepEqual(withoutDate(short.headers), withoutDate(long.headers))
    })
    assert.deepEqual(statements, [])
  })

  it('is logged without the chat’s URI', async () => {
    site.log.length = 0
    await poll(bob)
    assert.equal(site.log.length, 1)
    assert.match(site.log[0] ?? '', /"status":204/)
    // It took the short way.
    assert.match(site.log[0] ?? '', /"short":true/)
    assert.ok(!site.log[0]?.includes(uri))
  })

  it('is answered anew as soon as there is something', async () => {
    await ann.post(`/chats/${uri}/messages`, { message: 'news' })
    assert.match((await poll(bob)).text, /news/)
  })

  it('is refused to whoever has signed out, was removed, is a stranger or sends no known session', async () => {
    const carl = await new Visitor(site).signUp('carl')
    assert.equal((await poll(carl)).status, 404)
    assert.equal((await poll(new Visitor(site))).status, 401)
    const forged = new Visitor(site)
    forged.cookies.set('sid', `${bob.cookies.get('sid')}x`)
    assert.equal((await poll(forged)).status, 401)

    const cookie = bob.cookies.get('sid') ?? ''
    await bob.get('/')
    await bob.post('/logout')
    bob.cookies.set('sid', cookie)
    assert.equal((await poll(bob)).status, 401)

    assert.equal((await poll(ann)).status, 204)
    await removeMember(site, uri, 'ann')
    await until(async () => (await poll(ann)).status === 404)
  })

  it('goes by the Authorization header where there is one, whatever the cookie', async () => {
    assert.equal((await poll(bob, '', { authorization: 'Token unknown' })).status, 401)
  })

  it('asks for a cursor of the chat: one that is ahead is refused, and other spellings are no numbers', async () => {
    assert.equal((await ann.htmx('GET', `/chats/${uri}/messages?after=${version + 1}`)).status, 410)
    assert.equal((await ann.htmx('GET', `/chats/${uri}/messages?after=${version}.0`)).status, 422)
    assert.equal((await ann.htmx('GET', `/chats/${uri}/messages?after=-${version}`)).status, 422)
  })

  function poll(visitor: Visitor, more = '', headers: Record<string, string> = {}) {
    return visitor.htmx('GET', `/chats/${uri}/messages?after=${version}${more}`, undefined, headers)
  }
})

function withoutDate(headers: Headers) {
  return Object.fromEntries([...headers].filter(([name]) => name !== 'date'))
}
