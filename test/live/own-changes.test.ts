import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

describe('what one has changed oneself', () => {
  let one: Site
  let other: Site
  let ann: Visitor
  let bob: Visitor
  let uri: string

  before(async () => {
    one = await openSite({ BUS: 'off' })
    other = await openSite({ BUS: 'off' }, one)
    ann = await new Visitor(one).signUp('ann')
    bob = await new Visitor(one).signUp('bob')
    uri = await ann.startChat()
  })
  after(async () => {
    await other.close()
    await one.close()
  })

  it('is on the next page, whichever process answers', async () => {
    await there(bob)
    for (let count = 0; count < 20; count++) {
      await there(ann)
      await ann.post(`/chats/${uri}/messages`, { message: `message ${count}` })
      assert.match(await there(ann), new RegExp(`message ${count}<`))
      await ann.post(`/chats/${uri}/settings`, { title: `title ${count}`, guests: 'true' })
      assert.match(await there(ann), new RegExp(`<title>title ${count} `))
    }
  })

  it('is remembered for some seconds, for that chat alone, and never less of it', async () => {
    ann.cookies.delete('at')
    const [first] = await changed('one')
    assert.match(first ?? '', new RegExp(`^at=\\d+; Path=/chats/${uri}; Max-Age=5; HttpOnly; SameSite=Lax$`))
    ann.cookies.set('at', '123456')
    assert.match((await changed('another'))[0] ?? '', /^at=123456; /)
    ann.cookies.set('at', '-1')
    assert.match((await changed('a third'))[0] ?? '', /^at=\d{1,3}; /)
  })

  it('may be made up: the page is as new as it can be, and no refusal', async () => {
    for (const at of ['999999999999999', '0', '', 'x', '1e9', '9'.repeat(400)]) {
      ann.cookies.set('at', at)
      assert.match(await there(ann), /a third/)
    }
    ann.cookies.delete('at')
  })

  it('is remembered for the new link, where the old one leads there', async () => {
    await ann.post(`/chats/${uri}/link`, { expires_in: '' })
    const answer = await ann.get(`/chats/${uri}`)
    assert.equal(answer.status, 303)
    const path = answer.headers.get('location') ?? ''
    const cookies = answer.headers.getSetCookie().filter(line => line.startsWith('at='))
    assert.ok(cookies[0]?.includes(`; Path=${path}; `), cookies[0])
  })

  async function changed(message: string): Promise<string[]> {
    const answer = await ann.post(`/chats/${uri}/messages`, { message })
    assert.equal(answer.status, 303)
    return answer.headers.getSetCookie().filter(line => line.startsWith('at='))
  }

  /** The page as the other process answers. */
  async function there(visitor: Visitor): Promise<string> {
    const elsewhere = new Visitor(other)
    for (const [name, value] of visitor.cookies) {
      elsewhere.cookies.set(name, value)
    }
    const { status, text } = await elsewhere.get(`/chats/${uri}`)
    assert.equal(status, 200)
    return text
  }
})
