import assert from 'node:assert/strict'
import { createReset } from '../../src/db/resets.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

/** What texts and programs have put behind links. */
const BEHIND = [
  '.',
  ',',
  ')',
  '%29.',
  '%3E',
  '>',
  '"',
  '%22',
  '”',
  '%20',
  '%E2%80%8B',
  '%E3%80%82',
  '&fbclid=1',
  '&utm_source=x&igsh=y/z',
  ').&fbclid=1',
]

describe('a link with something behind it', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'hello' })
  })
  after(() => site.close())

  it('leads to the clean address: of a chat, for members and visitors, and of a new password', async () => {
    const key = randomKey()
    const { id } = await site.db.selectFrom('users').select('id').executeTakeFirstOrThrow()
    await createReset(site.db, id, keyHash(key))
    for (const behind of BEHIND) {
      for (const [visitor, path] of [
        [ann, `/chats/${uri}`],
        [new Visitor(site), `/chats/${uri}`],
        [new Visitor(site), `/reset/${key}`],
        [ann, `/chats/${uri}/messages/2`],
        [ann, '/help'],
      ] as const) {
        const answer = await visitor.get(path + behind)
        assert.equal(answer.status, 303, path + behind)
        assert.equal(answer.headers.get('location'), path, path + behind)
        assert.equal(answer.headers.get('cache-control'), 'no-store, no-cache')
        assert.equal((await visitor.get(path)).status, 200, path)
      }
    }
    assert.equal((await ann.get(`/chats/${uri},?from=2`)).headers.get('location'), `/chats/${uri}?from=2`)
  })

  it('stays an unknown address where the clean one is none, or has an ending, or cannot be decoded', async () => {
    for (const path of [
      '/nothing.',
      '/chats.css.',
      `/chats/${uri}.css.`,
      `/chats/${uri}%2F..%2Fx`,
      `/chats/${uri}%FF`,
      '//example.org.',
      '/%2Fexample.org.',
      '/%2Fhelp.',
      '/\\help.',
    ]) {
      const answer = await ann.get(path)
      assert.equal(answer.status, 404, path)
      assert.equal(answer.headers.get('location'), null, path)
    }
  })

  it('is none for programs, and no form is redirected', async () => {
    assert.equal((await ann.send('GET', `/api/chats/${uri}.`)).status, 404)
    assert.equal((await ann.send('GET', `/chats/${uri}.`, undefined, { accept: 'application/json' })).status, 404)
    assert.equal((await ann.htmx('GET', `/chats/${uri}.`)).status, 404)
    assert.equal((await ann.post(`/chats/${uri}/messages.`, { message: 'x' })).status, 404)
  })

  it('may have any query: a page shows what it shows without', async () => {
    const bob = await new Visitor(site).signUp('bob')
    for (const query of ['from=singlemessage&isappinstalled=0', 'before=x', 'from=1&from=2', 'fbclid=1', 'reply=x']) {
      for (const visitor of [ann, bob, new Visitor(site)]) {
        assert.equal((await visitor.get(`/chats/${uri}?${query}`)).status, 200, query)
      }
    }
    assert.match((await ann.get(`/chats/${uri}?from=singlemessage`)).text, />hello</)
    assert.match((await bob.get(`/chats/${uri}?from=singlemessage`)).text, /id="composer"/)
    // The API says what is wrong.
    assert.equal((await ann.send('GET', `/api/chats/${uri}/messages/?before=x`)).status, 422)
  })
})
