import assert from 'node:assert/strict'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { cutStreams, FRAMED, openFrame } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('what is unread', () => {
  let site: Site
  let ann: Visitor
  let bob: Program
  let uri: string
  let count = 0

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  afterEach(cutStreams)

  // Versions: 1 bob joined, 2 ann joined.
  beforeEach(async () => {
    ann = await new Visitor(site).signUp(`ann${++count}`)
    uri = await bob.startChat()
    await ann.get(`/chats/${uri}`)
  })

  const standing = async () => {
    const { last_read, unread, mentioned } = (await ann.send('GET', `/api/chats/${uri}/`)).json
    return { last_read, unread, mentioned }
  }
  const post = async (messages: number) => {
    for (let n = 1; n <= messages; n++) {
      await bob.post(uri, `line ${n}`)
    }
  }
  const shown = (html: string) => [...html.matchAll(/ id="(new|message-\d+)"/g)].map(([, id]) => id ?? '')

  it('is counted on the start page, until the chat’s page is shown', async () => {
    await post(3)
    assert.match((await ann.get('/')).text, /3<span class="hidden-label"> unread/)
    await ann.post(`/chats/${uri}/messages`, { message: 'one’s own' })
    assert.match((await ann.get('/')).text, /3<span class="hidden-label"> unread/)
    await ann.get(`/chats/${uri}`)
    assert.doesNotMatch((await ann.get('/')).text, /unread/)
    assert.deepEqual(await standing(), { last_read: 6, unread: 0, mentioned: 0 })
  })

  it('says 99+ where there is more, and @ apart for messages that name one', async () => {
    await site.pool.query(
      `with chat as (select c.id, c.version, c.owner_id from chats c join links l on l.chat_id = c.id where l.uri = $1),
       grown as (
         insert into events (chat_id, version, kind, author_id, text)
         select id, version + n, 'message', owner_id, 'message ' || n from chat, generate_series(1, 150) n
       ),
       named as (
         insert into mentions (user_id, chat_id, version)
         select u.id, chat.id, chat.version + n from chat, users u, generate_series(1, 2) n where u.username = $2
       )
       update chats c set version = c.version + 150, last_message = c.version + 150, last_shown = c.version + 150
       from chat where c.id = chat.id`,
      [uri, `ann${count}`],
    )
    const { text } = await ann.get('/')
    assert.match(text, /99\+<span class="hidden-label"> unread/)
    assert.match(text, />@<span class="hidden-label">2</)
    const { chats } = (await ann.send('GET', '/api/chats/')).json
    assert.deepEqual([chats[0].unread, chats[0].mentioned, chats[0].last_read], [100, 2, 2])
  })

  it('begins below a line on the chat’s page, once', async () => {
    await post(2)
    await ann.get(`/chats/${uri}`)
    await post(2)
    const page = await ann.get(`/chats/${uri}`)
    assert.deepEqual(shown(page.text), ['message-3', 'message-4', 'new', 'message-5', 'message-6'])
    assert.match(page.text, new RegExp(`href="/chats/${uri}\\?from=5#message-5">.*2 new messages`))
    assert.match(page.text, new RegExp(`<iframe[^>]* src="/chats/${uri}/live\\?unread=5"`))
    assert.doesNotMatch((await ann.get(`/chats/${uri}`)).text, /id="new"|unread/)
  })

  it('begins below a line in the frame that pages without JavaScript have, as often as it is loaded', async () => {
    await post(2)
    await ann.get(`/chats/${uri}`)
    for (let n = 0; n < 2; n++) {
      const outer = await ann.get(`/chats/${uri}/live?unread=4`, FRAMED)
      assert.match(outer.text, new RegExp(`src="/chats/${uri}/live\\?inside&amp;unread=4"`))
      const inner = await openFrame(site, `/chats/${uri}/live?unread=4`, ann)
      await inner.shows('message-4')
      assert.deepEqual(shown(inner.text), ['message-3', 'new', 'message-4'])
      inner.cut()
    }
    const { text } = await ann.get(`/chats/${uri}/live?unread=%3Cb%3E`, FRAMED)
    assert.match(text, /live\?inside"/)
  })

  it('leads to a page that begins with it where it is older, with links to older and to newer ones', async () => {
    await post(3)
    await ann.get(`/chats/${uri}`)
    await post(120)
    const page = await ann.get(`/chats/${uri}`)
    assert.equal(shown(page.text).includes('new'), false)
    assert.match(page.text, /href="[^"]*\?from=6#message-6">.*99\+ new messages/)
    const first = await ann.get(`/chats/${uri}?from=6`)
    const from = (version: number, messages: number) =>
      Array.from({ length: messages }, (_, n) => `message-${version + n}`)
    assert.deepEqual(shown(first.text), from(6, 50))
    assert.match(first.text, /href="[^"]*\?before=6"[^>]*>Older messages/)
    assert.match(first.text, /href="[^"]*\?from=56#message-56">Newer messages/)
    assert.match(first.text, />Go to the newest messages</)
    assert.doesNotMatch(first.text, /class="tail|hx-sse/)
    const last = await ann.get(`/chats/${uri}?from=106`)
    assert.deepEqual(shown(last.text), from(106, 20))
    assert.doesNotMatch(last.text, />Newer messages</)
    assert.doesNotMatch((await ann.get(`/chats/${uri}?from=1`)).text, />Older messages</)
    assert.equal((await ann.get(`/chats/${uri}?from=99999`)).status, 200)
  })

  it('stays so where older messages are shown, a page is fetched in advance, or the answer is no page', async () => {
    await post(2)
    await ann.get(`/chats/${uri}?before=4`)
    await ann.get(`/chats/${uri}?from=3`)
    await ann.get(`/chats/${uri}`, { 'sec-purpose': 'prefetch' })
    await ann.send('HEAD', `/chats/${uri}`, undefined, { accept: 'text/html' })
    await ann.htmx('GET', `/chats/${uri}/messages?after=2`)
    await ann.send('GET', `/api/chats/${uri}/messages/`)
    assert.deepEqual(await standing(), { last_read: 2, unread: 2, mentioned: 0 })
  })

  it('ends with what came into the frame while it was open', async () => {
    await ann.get(`/chats/${uri}`)
    const frame = await openFrame(site, `/chats/${uri}/live`, ann)
    await frame.shows('joined')
    const statements = await statementsOf(async () => {
      await post(3)
      await frame.shows('line 3')
    })
    assert.deepEqual(
      statements.filter(({ text }) => /update "members"/.test(text)),
      [],
      'nothing is written for what is delivered',
    )
    assert.equal((await standing()).unread, 3)
    frame.close()
    await until(async () => (await standing()).unread === 0)
    assert.equal((await standing()).last_read, 5)
  })

  for (const [name, send] of [
    ['a form', (fields: Record<string, string>) => ann.post(`/chats/${uri}/read`, fields)],
    ['htmx', (fields: Record<string, string>) => ann.htmx('POST', `/chats/${uri}/read`, fields)],
    [
      'the API',
      (fields: Record<string, string>) =>
        ann.send('PUT', `/api/chats/${uri}/read/`, JSON.stringify(fields), {
          'content-type': 'application/json',
          'x-csrf-token': ann.csrf,
        }),
    ],
  ] as const) {
    it(`moves forward by ${name}, and never back or beyond the chat`, async () => {
      await post(4)
      const answers = { 'a form': 303, htmx: 204, 'the API': 200 }
      for (const [version, last_read] of [
        ['4', 4],
        ['3', 4],
        ['999', 6],
      ] as const) {
        const answer = await send({ version })
        assert.equal(answer.status, answers[name])
        if (name === 'the API') {
          assert.deepEqual(answer.json, { last_read })
        }
        assert.equal((await standing()).last_read, last_read)
      }
      for (const version of ['', '-1', 'x', '1.5', '9'.repeat(20), '<b>']) {
        const answer = await send({ version })
        assert.equal(answer.status, 422, version)
        assert.match(answer.text, /A valid integer is required\./)
      }
      assert.equal((await send({})).status, 422)
    })
  }

  it('is told to members alone', async () => {
    const stranger = await new Visitor(site).signUp(`stranger${count}`)
    assert.equal((await stranger.post(`/chats/${uri}/read`, { version: '1' })).status, 404)
    assert.equal((await stranger.htmx('POST', `/chats/${uri}/read`, { version: '1' })).status, 404)
    const carl = await signUpProgram(site, `carl${count}`)
    assert.equal((await carl.call('PUT', `/api/chats/${uri}/read/`, { version: 1 })).status, 404)
    assert.equal((await new Visitor(site).send('PUT', `/api/chats/${uri}/read/`)).status, 401)
  })
})
