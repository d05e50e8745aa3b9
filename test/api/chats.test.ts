import assert from 'node:assert/strict'
import { assertProblem } from '../input/answers.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'
const USER_FIELDS = ['email', 'first_name', 'guest', 'id', 'kind', 'last_name', 'name', 'username']

describe('chats by the API', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let cyd: Program
  before(async () => {
    site = await openSite()
    for (const username of ['ann', 'bob']) {
      await new Program(site).call('POST', '/auth/users/create/', {
        username,
        password: PASSWORD,
        email: `${username}@example.org`,
      })
    }
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    cyd = await signUpProgram(site, 'cyd')
  })
  after(() => site.close())

  describe('POST /api/chats/', () => {
    it('answers 201 with the fields of the original and the chat’s own, and with its Location', async () => {
      const made = await ann.call('POST', '/api/chats/')
      assert.equal(made.status, 201)
      assert.match(made.headers.get('content-type') ?? '', /^application\/json/)
      const { status, uri, message, title, owner, version, created_at } = made.json
      assert.equal(status, 'SUCCESS')
      assert.equal(message, 'New chat session created')
      // 128 bits in base64url.
      assert.match(uri, /^[\w-]{22,}$/)
      assert.equal(title, null)
      assert.equal(owner.username, 'ann')
      assert.ok(Number.isInteger(version))
      assert.equal(created_at, new Date(created_at).toISOString())
      const location = made.headers.get('location') ?? ''
      assert.equal(new URL(location, site.url).pathname, `/api/chats/${uri}/`)
      assert.equal((await ann.call('GET', location)).json.uri, uri)
    })

    it('takes a title, in whatever letters', async () => {
      const made = await ann.call('POST', '/api/chats/', { title: 'é😀<&' })
      assert.equal(made.json.title, 'é😀<&')
      assert.ok(made.text.includes('"é😀<&"'))
    })

    it('gives every chat a URI of its own', async () => {
      const uris = await Promise.all(Array.from({ length: 20 }, () => ann.startChat()))
      assert.equal(new Set(uris).size, 20)
    })
  })

  describe('PATCH /api/chats/:uri/', () => {
    it('joins with the own username, as the clients of the original do', async () => {
      const uri = await ann.startChat()
      const joined = await bob.call('PATCH', `/api/chats/${uri}/`, { username: 'bob' })
      assert.equal(joined.status, 200)
      assert.deepEqual(Object.keys(joined.json).sort(), ['members', 'message', 'status', 'user'])
      assert.equal(joined.json.status, 'SUCCESS')
      assert.equal(joined.json.message, 'bob joined the chat')
      assert.equal(joined.json.user.username, 'bob')
      assert.deepEqual(
        joined.json.members.map((member: { username: string }) => member.username),
        ['ann', 'bob'],
      )
      for (const user of [joined.json.user, ...joined.json.members]) {
        assert.deepEqual(Object.keys(user).sort(), USER_FIELDS)
      }
    })

    it('takes the own name in any case, left out, empty or null', async () => {
      for (const fields of [{ username: 'BOB' }, {}, { username: '' }, { username: null }, undefined]) {
        const uri = await ann.startChat()
        const joined = await bob.call('PATCH', `/api/chats/${uri}/`, fields)
        assert.equal(joined.status, 200, JSON.stringify(fields))
        assert.equal(joined.json.members.length, 2)
      }
    })

    it('refuses another person’s name with 403, and adds nobody', async () => {
      const uri = await ann.startChat()
      for (const [program, username] of [
        [bob, 'cyd'],
        [bob, 'ann'],
        [ann, 'bob'],
        [bob, 'nobody-at-all'],
      ] as const) {
        const refused = await program.call('PATCH', `/api/chats/${uri}/`, { username })
        assert.equal(refused.status, 403)
        assert.match(refused.headers.get('content-type') ?? '', /^application\/problem\+json/)
      }
      assert.equal((await ann.call('GET', `/api/chats/${uri}/`)).json.members.length, 1)
    })

    it('joins once: again changes neither members nor version', async () => {
      const uri = await ann.startChat()
      await bob.join(uri)
      const before = (await ann.call('GET', `/api/chats/${uri}/`)).json
      const again = await bob.join(uri)
      assert.equal(again.status, 200)
      assert.deepEqual((await ann.call('GET', `/api/chats/${uri}/`)).json, before)
    })

    it('joins once when asked many times at the same moment', async () => {
      const uri = await ann.startChat()
      const answers = await Promise.all(Array.from({ length: 10 }, () => bob.join(uri)))
      assert.deepEqual(new Set(answers.map(answer => answer.status)), new Set([200]))
      const { events } = await eventsOf(uri)
      assert.deepEqual(
        events.map(event => `${event.event} ${event.user.username}`),
        ['joined ann', 'joined bob'],
      )
    })

    it('tells everyone in the chat by an event', async () => {
      const uri = await ann.startChat()
      const { version } = await eventsOf(uri)
      await bob.join(uri)
      const news = (await ann.call('GET', `/api/chats/${uri}/messages/?after=${version}`)).json
      assert.equal(news.messages.length, 1)
      assert.equal(news.messages[0].event, 'joined')
      assert.equal(news.messages[0].user.username, 'bob')
    })

    it('answers 404 for an unknown chat', async () => {
      assert.equal((await bob.join(UNKNOWN)).status, 404)
    })
  })

  describe('GET /api/chats/:uri/', () => {
    it('answers 200 with title, owner, members, version and time', async () => {
      const { uri } = (await ann.call('POST', '/api/chats/', { title: 'Plans' })).json
      await bob.join(uri)
      const answer = await bob.call('GET', `/api/chats/${uri}/`)
      assert.equal(answer.status, 200)
      assert.equal(answer.json.uri, uri)
      assert.equal(answer.json.title, 'Plans')
      assert.equal(answer.json.owner.username, 'ann')
      assert.deepEqual(
        answer.json.members.map((member: { username: string }) => member.username),
        ['ann', 'bob'],
      )
      assert.equal(answer.json.version, (await eventsOf(uri)).version)
      assert.equal(answer.json.created_at, new Date(answer.json.created_at).toISOString())
      assert.deepEqual(Object.keys(answer.json.owner).sort(), USER_FIELDS)
      for (const member of answer.json.members) {
        assert.deepEqual(Object.keys(member).sort(), [...USER_FIELDS, 'here', 'joined_at', 'owner'].sort())
      }
    })

    it('does not join: who is no member gets 404 and stays none', async () => {
      const uri = await ann.startChat()
      assert.equal((await bob.call('GET', `/api/chats/${uri}/`)).status, 404)
      assert.equal((await bob.call('GET', `/api/chats/${uri}/messages/`)).status, 404)
      assert.equal((await ann.call('GET', `/api/chats/${uri}/`)).json.members.length, 1)
    })
  })

  describe('GET /api/chats/', () => {
    it('lists one’s own chats, and its Link leads to all of them, each once', async () => {
      const dan = await signUpProgram(site, 'dan')
      const made: string[] = []
      for (let n = 0; n < 25; n++) {
        made.push(await dan.startChat())
      }
      for (const [query, pages] of Object.entries({ '': 1, '?limit=10': 3, '?limit=25': 1, '?limit=1000': 1 })) {
        const listed: string[] = []
        let asked = 0
        for (let path: string | undefined = `/api/chats/${query}`; path; asked++) {
          const page = await dan.call('GET', path)
          assert.equal(page.status, 200)
          listed.push(...page.json.chats.map((chat: { uri: string }) => chat.uri))
          path = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
        }
        assert.deepEqual(listed, made.toReversed())
        assert.equal(asked, pages, query)
      }
      for (const limit of ['0', 'x', '1001']) {
        assertProblem(await dan.call('GET', `/api/chats/?limit=${limit}`), 422)
      }
    })
  })

  describe('e-mail addresses', () => {
    it('are shown to their owner in account answers and the own PATCH answer, and nowhere else', async () => {
      const uri = await ann.startChat()
      const joined = await bob.join(uri)
      assert.equal(joined.json.user.email, 'bob@example.org')
      for (const member of joined.json.members) {
        assert.equal(member.email, '')
      }
      const posted = await bob.post(uri, 'hello')
      const answers = [posted]
      for (const path of [
        '/api/chats/',
        `/api/chats/${uri}/`,
        `/api/chats/${uri}/members/`,
        `/api/chats/${uri}/messages/`,
        `/api/chats/${uri}/messages/?after=0`,
      ]) {
        for (const program of [ann, bob]) {
          answers.push(await program.call('GET', path))
        }
      }
      answers.push(await ann.call('PATCH', `/api/chats/${uri}/`, { username: 'bob' }))
      answers.push(await cyd.join(uri))
      for (const answer of answers) {
        assert.ok(!answer.text.includes('example.org'), answer.text)
      }
    })
  })

  async function eventsOf(uri: string) {
    const { messages, version } = (await ann.call('GET', `/api/chats/${uri}/messages/?after=0`)).json
    return { events: messages as { event: string; user: { username: string } }[], version: version as number }
  }
})
