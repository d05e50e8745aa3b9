import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { withClockStopped } from '../support/clock.js'
import { openSite, type Site } from '../support/site.js'
import { allStatementsOf } from '../support/statements.js'
import { cutStreams, openEvents, openFrame, openPageEvents, openSocket } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('somebody who is typing', () => {
  let site: Site
  let other: Site
  let bob: Program
  let carl: Program
  let ann: Visitor
  let uri: string

  before(async () => {
    site = await openSite()
    other = await openSite({}, site)
    bob = await signUpProgram(site, 'bob')
    carl = await signUpProgram(site, 'carl')
    ann = await new Visitor(site).signUp('ann')
  })
  after(async () => {
    await other.close()
    await site.close()
  })
  afterEach(cutStreams)
  // Versions: 1 bob joined, 2 carl joined, 3 ann joined.
  beforeEach(async () => {
    uri = await bob.startChat()
    await carl.join(uri)
    await ann.get(`/chats/${uri}`)
  })

  const types = (program: Program, fields = {}) => program.call('POST', `/api/chats/${uri}/typing/`, fields)
  const told = (text: string) => text.split('event: typing').length - 1

  it('is told to all who follow the chat, in every process, without an id, and stored nowhere', async () => {
    const { id } = (await bob.call('GET', `/api/chats/${uri}/`)).json.owner
    for (const at of [site, other]) {
      const events = await openEvents(at, `/api/chats/${uri}/live/`, carl)
      const page = await openPageEvents(at, `/chats/${uri}/live?after=3`, ann)
      const socket = await openSocket(at, `/api/chats/${uri}/live/`, carl)
      await page.shows('tail-3')
      await events.shows('\n:')
      const before = (await bob.call('GET', `/api/chats/${uri}/`)).json.version
      const statements = await allStatementsOf(async () => {
        assert.equal((await types(bob)).status, 204)
        await events.shows(`event: typing\ndata: {"user":{"id":${id},"name":"bob"}}\n\n`)
        await page.shows(`event: typing\ndata: {"user":{"id":${id},"name":"bob"}}\n\n`)
        assert.deepEqual(await socket.next(), { event: 'typing', user: { id, name: 'bob' } })
      })
      assert.ok(statements.every(({ text }) => !/^(insert|update|delete|with)/.test(text)))
      assert.equal((await bob.call('GET', `/api/chats/${uri}/`)).json.version, before)
      // What comes next has its id and its place, as if nothing had been said.
      const { json } = await bob.post(uri, `said after typing ${before}`)
      await events.shows(`id: ${json.id}\nevent: message`)
      await page.shows(`#tail-${json.id - 1}`)
      cutStreams()
    }
  })

  it('is not told of themselves, nor told pages without JavaScript', async () => {
    const own = await openEvents(site, `/api/chats/${uri}/live/`, bob)
    const frame = await openFrame(site, `/chats/${uri}/live`, ann)
    const others = await openEvents(site, `/api/chats/${uri}/live/`, carl)
    await frame.shows('joined')
    await types(bob)
    await others.shows('event: typing')
    await bob.post(uri, 'the end')
    await own.shows('the end')
    await frame.shows('the end')
    assert.equal(told(own.text), 0)
    assert.doesNotMatch(frame.text, /typing/)
  })

  it('is not told after what they typed has come, however late the word is', async () => {
    const events = await openEvents(site, `/api/chats/${uri}/live/`, carl)
    const { json } = await bob.post(uri, 'typed')
    await events.shows('"typed"')
    await types(bob, { after: json.id - 1 })
    await types(bob, { after: String(json.id) })
    await events.shows('event: typing')
    await bob.post(uri, 'the end')
    await events.shows('the end')
    assert.equal(told(events.text), 1)
  })

  it('is refused where nobody may write, and to who is no member', async () => {
    const events = await openEvents(site, `/api/chats/${uri}/live/`, carl)
    const stranger = await signUpProgram(site, 'stranger')
    assert.equal((await types(stranger)).status, 404)
    await site.pool.query(
      `update chats c set read_only_at = now() from links l where l.chat_id = c.id and l.uri = $1`,
      [uri],
    )
    const refused = await types(bob)
    assert.equal(refused.status, 403)
    assert.match(refused.json.detail, /read-only/)
    assert.equal(told(events.text), 0)
    assert.equal((await ann.post(`/chats/${uri}/typing`)).status, 403)
  })

  it('is no harm where a hint that names them cannot be read, and those that come with it are heard', async () => {
    const events = await openEvents(site, `/api/chats/${uri}/live/`, carl)
    await events.shows('\n:')
    const { rows } = await site.pool.query('select chat_id from links where uri = $1', [uri])
    await site.pool.query("select pg_notify('chatire', $1)", [
      `t1:1:1:%E0 t1:1:1:% t${rows[0].chat_id}:0:0:Nobody%20here`,
    ])
    await events.shows('"name":"Nobody here"')
  })

  it('is absent in other processes with BUS=off, where everything else still comes', async () => {
    const alone = await openSite({ BUS: 'off' }, site)
    try {
      const here = await openEvents(alone, `/api/chats/${uri}/live/`, carl)
      const elsewhere = await openEvents(other, `/api/chats/${uri}/live/`, carl)
      const headers = { authorization: `Token ${bob.token}`, 'content-type': 'application/json' }
      const answer = await fetch(`${alone.url}/api/chats/${uri}/typing/`, { method: 'POST', headers, body: '{}' })
      assert.equal(answer.status, 204)
      await here.shows('event: typing')
      await bob.post(uri, 'the end')
      await Promise.all([here.shows('the end'), elsewhere.shows('the end')])
      assert.equal(told(elsewhere.text), 0)
    } finally {
      cutStreams()
      await alone.close()
    }
  })

  it('is told at a limited rate', async () => {
    const strict = await openSite({ LIMITS: 'on' }, site)
    try {
      const headers = { authorization: `Token ${bob.token}`, 'content-type': 'application/json' }
      const answers = await withClockStopped(() =>
        Promise.all(
          Array.from({ length: 20 }, () =>
            fetch(`${strict.url}/api/chats/${uri}/typing/`, { method: 'POST', headers, body: '{}' }),
          ),
        ),
      )
      const refused = answers.filter(({ status }) => status === 429)
      assert.equal(refused.length, 20 - LIMITS.typing.burst)
      assert.ok(refused[0]?.headers.get('retry-after'))
    } finally {
      await strict.close()
    }
  })
})
