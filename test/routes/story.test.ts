import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

describe('the story, by plain forms', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('signs up, starts a chat, shares its URL, and two people talk', async () => {
    const ann = await new Visitor(site).signUp('ann')
    const welcome = await ann.get('/')
    assert.match(welcome.text, /Welcome <bdi>ann<\/bdi>!/)
    const uri = await ann.startChat()
    const page = await ann.get(`/chats/${uri}`)
    assert.equal(page.status, 200)
    assert.match(page.text, /Share the page URL to invite new friends/)
    assert.ok(page.text.includes(`/chats/${uri}"`))

    const bob = new Visitor(site)
    const invited = await bob.get(`/chats/${uri}`)
    assert.match(invited.text, /<bdi>ann<\/bdi> invites you to chat/)
    const signedUp = await bob.post('/signup', {
      username: 'bob',
      password: 'correct horse battery',
      next: `/chats/${uri}`,
    })
    assert.equal(signedUp.headers.get('location'), `/chats/${uri}`)
    const joined = await bob.get(`/chats/${uri}`)
    assert.equal(joined.status, 200)
    assert.match(joined.text, /2 members/)

    const posted = await bob.post(`/chats/${uri}/messages`, {
      message: 'hi ann, <b>bob</b> here\nhttps://example.org/',
    })
    assert.equal(posted.status, 303)
    const read = await ann.get(`/chats/${uri}`)
    assert.match(read.text, /hi ann, &lt;b&gt;bob&lt;\/b&gt; here<br><a href="https:\/\/example.org\/"/)
  })
})
