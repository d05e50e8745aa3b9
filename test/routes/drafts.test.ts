import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

const MARKUP = '</textarea><script>alert(1)</script> &amp; "quoted"\nsecond line'

describe('a message whose session has ended', () => {
  let site: Site
  let bob: Program
  let ann: Visitor
  let name: string
  let uri: string
  let count = 0
  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())

  beforeEach(async () => {
    name = `ann${++count}`
    ann = await new Visitor(site).signUp(name)
    uri = await bob.startChat()
  })

  const field = (html: string, called: string) => new RegExp(`name="${called}" value="([^"]*)"`).exec(html)?.[1] ?? ''
  const textarea = (html: string, called: string) =>
    (new RegExp(`<textarea[^>]* name="${called}"[^>]*>\n([^<]*)</textarea>`).exec(html)?.[1] ?? '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&')

  /** What the browser shows after the post, and the fields of the form that it shows. */
  async function postTooLate(message: string) {
    const page = await ann.get(`/chats/${uri}`)
    const draft_of = field(page.text, 'draft_of')
    // The same session, signed out in another window.
    const elsewhere = new Visitor(site)
    for (const [name, value] of ann.cookies) {
      elsewhere.cookies.set(name, value)
    }
    elsewhere.csrf = ann.csrf
    assert.equal((await elsewhere.post('/logout')).status, 303)
    return { answer: await ann.post(`/chats/${uri}/messages`, { message, draft_of, key: 'k' }), draft_of }
  }

  async function stored(): Promise<string[]> {
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/`)
    return json.messages.map(({ message }: { message: string }) => message)
  }

  function logIn(username: string, text: string, fields: Record<string, string> = {}) {
    return ann.post('/login', {
      username,
      password: PASSWORD,
      next: field(text, 'next'),
      draft: textarea(text, 'draft'),
      draft_of: field(text, 'draft_of'),
      ...fields,
    })
  }

  it('goes round by the login into the composer again, and is not sent by itself', async () => {
    const { answer } = await postTooLate(MARKUP)
    assert.equal(answer.status, 401)
    assert.equal(textarea(answer.text, 'draft'), MARKUP)
    const before = await stored()
    const page = await logIn(name, answer.text)
    assert.equal(page.status, 200)
    assert.equal(textarea(page.text, 'message'), MARKUP)
    assert.match(page.text, /this message was not sent/)
    assert.doesNotMatch(page.text, /<script>alert/)
    assert.deepEqual(await stored(), before)
    // The page's form is good for the session that has just begun.
    const sent = await ann.post(`/chats/${uri}/messages`, { message: 'sent at last', key: field(page.text, 'key') })
    assert.equal(sent.status, 303)
    assert.deepEqual(await stored(), [...before, 'sent at last'])
  })

  it('survives a wrong password', async () => {
    const { answer } = await postTooLate(MARKUP)
    const again = await logIn(name, answer.text, { password: 'wrong' })
    assert.equal(again.status, 422)
    assert.equal(textarea(again.text, 'draft'), MARKUP)
    assert.equal(textarea((await logIn(name, again.text)).text, 'message'), MARKUP)
  })

  it('is longer than a message may be, and comes back all the same', async () => {
    const { answer } = await postTooLate('x'.repeat(5000))
    assert.equal(textarea((await logIn(name, answer.text)).text, 'message').length, 5000)
  })

  it('is given to nobody else, whatever they send along', async () => {
    const { answer, draft_of } = await postTooLate('ann’s own')
    await new Visitor(site).signUp(`eve${count}`)
    await (await signUpProgram(site, `eve${count}`)).join(uri)
    for (const forged of [draft_of, '', 'x', `${draft_of}x`]) {
      const other = await logIn(`eve${count}`, answer.text, { draft_of: forged })
      assert.equal(other.status, 303)
      assert.equal(other.headers.get('location'), `/chats/${uri}`)
      assert.doesNotMatch((await ann.get(`/chats/${uri}`)).text, /ann’s own/)
      await ann.post('/logout')
      await ann.get('/login')
    }
  })

  it('is put into no other chat, and into none that its writer is no member of', async () => {
    const { answer } = await postTooLate('for this chat')
    const other = await bob.startChat()
    assert.equal((await logIn(name, answer.text, { next: `/chats/${other}` })).status, 303)
    await ann.post('/logout')
    await ann.get('/login')
    await site.pool.query(
      `update members m set left_at = now() from users u where u.id = m.user_id and u.username = $1`,
      [name],
    )
    assert.equal((await logIn(name, answer.text)).status, 303)
  })

  it('cannot be put there by another site', async () => {
    const { answer } = await postTooLate('hers')
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }] as Record<
      string,
      string
    >[]) {
      const forged = await ann.post(
        '/login',
        {
          username: name,
          password: PASSWORD,
          next: `/chats/${uri}`,
          draft: 'theirs',
          draft_of: field(answer.text, 'draft_of'),
        },
        headers,
      )
      assert.equal(forged.status, 403)
    }
  })

  it('is shown to be copied where nobody knows whose it is', async () => {
    const visitor = new Visitor(site)
    const answer = await visitor.post(`/chats/${uri}/messages`, { message: MARKUP })
    assert.equal(answer.status, 401)
    assert.match(answer.text, /Here it is, to keep/)
    assert.match(answer.text, /&lt;script&gt;alert/)
  })
})
