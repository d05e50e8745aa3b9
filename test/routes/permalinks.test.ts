import assert from 'node:assert/strict'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('a message by its own address', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let carl: Program
  let uri: string
  let id: number
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    carl = await signUpProgram(site, 'carl')
  })
  beforeEach(async () => {
    uri = await ann.startChat()
    await bob.get(`/chats/${uri}`)
    await carl.join(uri)
    id = await say(bob, 'the *first* text')
  })
  after(() => site.close())

  async function say(who: Visitor, message: string, more: Record<string, string> = {}): Promise<number> {
    const answer = await who.post(`/chats/${uri}/messages`, { message, ...more })
    assert.equal(answer.status, 303, answer.text)
    const { json } = await carl.call('GET', `/api/chats/${uri}/messages/`)
    return json.messages.at(-1).id
  }

  const at = (rest = '') => `/chats/${uri}/messages/${id}${rest}`

  it('stands in its context, with what its reader may do as plain forms', async () => {
    await say(ann, 'an answer')
    const own = await bob.get(at())
    assert.equal(own.status, 200)
    assert.match(own.text, /first/)
    assert.match(own.text, /an answer/)
    assert.match(own.text, /<summary[^>]*>.* Edit</)
    assert.match(own.text, /<summary[^>]*>.* Delete</)
    const owners = await ann.get(at())
    assert.doesNotMatch(owners.text, /<summary[^>]*>.* Edit</)
    assert.match(owners.text, /<summary[^>]*>.* Delete</)
    const others = await carl.call('GET', `/api${at()}`)
    assert.equal(others.json.message, 'the *first* text')
  })

  it('is edited by its author, by form and by API, and says so', async () => {
    assert.equal((await bob.post(at(), { message: 'mended' })).headers.get('location'), at())
    const { json } = await carl.call('GET', `/api${at()}`)
    assert.equal(json.message, 'mended')
    assert.ok(json.edited_at)
    const page = await ann.get(`/chats/${uri}`)
    assert.match(page.text, /message__edited">edited/)
    assert.doesNotMatch(page.text, /<em>first/)
  })

  it('is not edited by anybody else, nor to nothing or too much, and the page keeps what was typed', async () => {
    assert.equal((await ann.post(at(), { message: 'mine now' })).status, 403)
    assert.equal((await carl.call('PATCH', `/api${at()}`, { message: 'mine now' })).status, 403)
    const long = 'y'.repeat(2001)
    const refused = await bob.post(at(), { message: long })
    assert.equal(refused.status, 422)
    assert.match(refused.text, /At most 2000 characters/)
    assert.ok(refused.text.includes(long))
    assert.equal((await bob.post(at(), { message: '  ' })).status, 422)
    assert.equal((await carl.call('GET', `/api${at()}`)).json.message, 'the *first* text')
  })

  it('is deleted by its author or the owner: a tombstone stays, the text is gone from every way of reading', async () => {
    const secret = 'swordfish'
    const answer = { message: `about it` }
    id = await say(bob, secret)
    await say(ann, answer.message, { reply_to: String(id) })
    await bob.post(at(), { message: `${secret} again` })
    assert.equal((await carl.call('DELETE', `/api${at()}`)).status, 403)
    assert.equal((await ann.post(at('/deletion'))).status, 303)
    const ways = [
      await ann.get(`/chats/${uri}`),
      await ann.get(at()),
      await ann.get('/'),
      await ann.htmx('GET', `/chats/${uri}/messages?after=0`),
      await ann.get(`/chats/${uri}/live`),
      await carl.call('GET', `/api/chats/${uri}/messages/`),
      await carl.call('GET', `/api/chats/${uri}/messages/?after=0`),
      await carl.call('GET', `/api${at()}`),
      await carl.call('GET', '/api/chats/'),
    ]
    for (const [place, { status, text }] of ways.entries()) {
      assert.equal(status, 200)
      assert.ok(!text.includes(secret), `${place}: ${text}`)
    }
    assert.match(ways[0]?.text ?? '', />Deleted</)
    assert.match(ways[0]?.text ?? '', /quote__text" dir="auto">deleted message/)
    const { json } = await carl.call('GET', `/api${at()}`)
    assert.equal(json.message, '')
    assert.ok(json.deleted_at)
    const { rows } = await site.pool.query('select * from events where text like $1', [`%${secret}%`])
    assert.deepEqual(rows, [])
    assert.equal((await bob.post(at(), { message: 'back' })).status, 404)
  })

  it('posted again with its key after an edit or a deletion is still that message', async () => {
    const posted = await carl.post(uri, 'once', { 'idempotency-key': 'k' })
    id = posted.json.id
    await carl.call('PATCH', `/api${at()}`, { message: 'changed' })
    const again = await carl.post(uri, 'once', { 'idempotency-key': 'k' })
    assert.deepEqual([again.status, again.json.id], [200, id])
    await carl.call('DELETE', `/api${at()}`)
    const dead = await carl.post(uri, 'once', { 'idempotency-key': 'k' })
    assert.deepEqual([dead.status, dead.json.id], [200, id])
  })

  it('is answered: the answer quotes it as it is now', async () => {
    await say(ann, 'indeed', { reply_to: String(id) })
    assert.match(
      (await carl.call('GET', `/chats/${uri}`, undefined, { accept: 'text/html' })).text,
      /quote__text[^>]*>the first text/,
    )
    await bob.post(at(), { message: 'second thoughts' })
    const { json } = await carl.call('GET', `/api/chats/${uri}/messages/`)
    assert.deepEqual(json.messages.at(-1).reply_to.message, 'second thoughts')
    assert.match((await ann.get(`/chats/${uri}`)).text, /quote__text[^>]*>second thoughts/)
    const composer = await ann.get(`/chats/${uri}?reply=${id}`)
    assert.match(composer.text, new RegExp(`name="reply_to" value="${id}"`))
  })

  it('is not answered where it is not there, and what was typed comes back', async () => {
    const other = await ann.startChat()
    for (const reply_to of ['1', '999', String(id)]) {
      const answer = await ann.post(`/chats/${other}/messages`, { message: 'to nothing', reply_to })
      assert.equal(answer.status, 422)
      assert.match(answer.text, /to nothing/)
    }
    assert.equal((await carl.call('POST', `/api/chats/${uri}/messages/`, { message: 'x', reply_to: {} })).status, 422)
  })

  it('is reacted to, once by each, and back', async () => {
    assert.equal((await ann.post(at('/reactions'), { emoji: '👍' })).status, 303)
    await ann.post(at('/reactions'), { emoji: '👍' })
    const put = await carl.call('PUT', `/api${at(`/reactions/${encodeURIComponent('👍')}`)}`)
    assert.deepEqual(put.json.reactions, { '👍': 2 })
    assert.match((await bob.get(`/chats/${uri}`)).text, /thumbs up<\/span> 2/)
    assert.match(
      (await ann.get(at())).text,
      /aria-pressed="true"><span aria-hidden="true">👍<\/span> <span class="hidden-label">thumbs up</,
    )
    await ann.post(at('/reactions?off=1'), { emoji: '👍' })
    const off = await carl.call('DELETE', `/api${at(`/reactions/${encodeURIComponent('👍')}`)}`)
    assert.deepEqual(off.json.reactions, {})
    for (const emoji of ['💩', '<b>', 'constructor', '']) {
      assert.equal((await ann.post(at('/reactions'), { emoji })).status, 422)
    }
  })

  it('is not changed where the chat is read-only, but can be deleted', async () => {
    await site.db.updateTable('chats').set({ read_only_at: new Date() }).execute()
    assert.equal((await bob.post(at(), { message: 'late' })).status, 403)
    assert.equal((await ann.post(at('/reactions'), { emoji: '👍' })).status, 403)
    assert.equal((await bob.post(at('/deletion'))).status, 303)
  })

  it('is not there for strangers, removed members and visitors, nor in another chat', async () => {
    const stranger = await signUpProgram(site, `stranger${id}${uri.slice(0, 4).replace(/\W/g, '')}`)
    assert.equal((await stranger.call('GET', `/api${at()}`)).status, 404)
    assert.equal((await stranger.call('PATCH', `/api${at()}`, { message: 'x' })).status, 404)
    assert.equal((await stranger.call('DELETE', `/api${at()}`)).status, 404)
    assert.equal((await new Visitor(site).get(at())).status, 401)
    const other = await ann.startChat()
    assert.equal((await ann.get(`/chats/${other}/messages/${id}`)).status, 404)
    assert.equal((await ann.get(`/chats/${uri}/messages/1`)).status, 404)
    assert.equal((await ann.get(`/chats/${uri}/messages/x`)).status, 404)
    await removeMember(site, uri, 'bob')
    assert.equal((await bob.get(at())).status, 404)
    assert.equal((await bob.post(at(), { message: 'x' })).status, 404)
    assert.equal((await bob.post(at('/deletion'))).status, 404)
    assert.equal((await bob.post(at('/reactions'), { emoji: '👍' })).status, 404)
  })
})
