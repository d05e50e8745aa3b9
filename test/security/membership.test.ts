import assert from 'node:assert/strict'
import { stored } from '../input/rows.js'
import type { Answer } from '../support/exchange.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'
/** What a browser sends when a person opens an address. */
const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' }

describe('membership', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let program: Program
  let count = 0
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    program = await signUpProgram(site, 'prog')
  })
  after(() => site.close())

  describe('a GET of the chat’s URL', () => {
    it('joins where a signed-in person opens the page, and the owner sees who came', async () => {
      for (const headers of [
        {},
        { ...NAVIGATION, 'sec-fetch-site': 'none' },
        { ...NAVIGATION, 'sec-fetch-site': 'same-origin' },
        { referer: `${site.url}/` },
        { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' },
      ] as Record<string, string>[]) {
        const uri = await ann.startChat()
        const page = await bob.get(`/chats/${uri}`, headers)
        assert.equal(page.status, 200)
        assert.match(page.text, /2 members/)
        assert.deepEqual(await members(uri), ['ann', 'bob'])
        assert.match((await ann.get(`/chats/${uri}`)).text, /<bdi>bob<\/bdi> joined/)
      }
    })

    const elsewhere: Record<string, Record<string, string>> = {
      'on another site': { ...NAVIGATION, 'sec-fetch-site': 'cross-site' },
      'on a neighbouring site': { ...NAVIGATION, 'sec-fetch-site': 'same-site' },
      'in a browser that says so by Referer alone': { referer: 'http://elsewhere.example/' },
      'at a Referer that is none': { referer: 'about:blank' },
    }
    for (const [where, headers] of Object.entries(elsewhere)) {
      it(`does not tell an owner who clicks on a link ${where}: it takes a button, unless they know each other`, async () => {
        const name = `user${++count}`
        const visitor = await new Visitor(site).signUp(name)
        const [uri, next] = [await secretChat(), await secretChat()]
        const page = await visitor.get(`/chats/${uri}`, headers)
        assert.match(page.text, /<bdi>ann<\/bdi> invites you to chat/)
        assert.doesNotMatch(page.text, /hush hush|Secret plans/)
        assert.deepEqual(await members(uri), ['ann'])
        assert.equal((await visitor.post(`/chats/${uri}/members`)).status, 303)
        assert.deepEqual(await members(uri), ['ann', name])

        await visitor.get(`/chats/${next}`, headers)
        assert.deepEqual(await members(next), ['ann', name], 'from then on the owner knows them')
        await visitor.post(`/chats/${uri}/members/me/departure`)
        await visitor.post(`/chats/${next}/members/me/departure`)
        const third = await secretChat()
        await visitor.get(`/chats/${third}`, headers)
        assert.deepEqual(await members(third), ['ann', name], 'after they have left, too')
        // Another owner does not, though they have been in a chat with this one.
        await bob.get(`/chats/${third}`)
        const others = await bob.startChat()
        await visitor.get(`/chats/${others}`, headers)
        assert.deepEqual(await members(others), ['bob'])
      })
    }

    it('asks again where somebody has left that very chat', async () => {
      const visitor = await new Visitor(site).signUp(`user${++count}`)
      const uri = await secretChat()
      await visitor.get(`/chats/${uri}`)
      await visitor.post(`/chats/${uri}/members/me/departure`)
      await visitor.get(`/chats/${uri}`, { ...NAVIGATION, 'sec-fetch-site': 'cross-site' })
      assert.deepEqual(await members(uri), ['ann'])
    })

    const others: Record<string, Record<string, string>> = {
      'is a prefetch': { 'sec-purpose': 'prefetch' },
      'is a prerender': { 'sec-purpose': 'prefetch;prerender' },
      'is a prefetch of an older browser': { purpose: 'prefetch' },
      'is a preview of Safari': { purpose: 'preview' },
      'is a preview of an older Safari': { 'x-purpose': 'preview' },
      'is a prefetch of an older Firefox': { 'x-moz': 'prefetch' },
      'is for an image': { 'sec-fetch-dest': 'image' },
      'is for a frame': { 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate' },
      'is for a script': { 'sec-fetch-dest': 'script' },
      'is for a fetch of a script’s': { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' },
      'is for an object': { 'sec-fetch-dest': 'object' },
      'is htmx’s': { 'hx-request': 'true' },
      'takes anything': { accept: '*/*' },
      'takes JSON': { accept: 'application/json' },
      'takes images': { accept: 'image/avif,image/webp,*/*;q=0.8' },
      'says nothing of what it takes': { accept: '' },
      'is sent by another site without a click': {
        ...NAVIGATION,
        'sec-fetch-site': 'cross-site',
        'sec-fetch-user': '',
      },
      'is sent by another site into a frame': { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'iframe' },
    }
    for (const [what, headers] of Object.entries(others)) {
      it(`does not join where it ${what}, and shows nothing of the chat`, async () => {
        const uri = await secretChat()
        const answer = await bob.get(`/chats/${uri}`, headers)
        assert.ok([200, 404].includes(answer.status))
        assert.doesNotMatch(answer.text, /hush hush|Secret plans/)
        assert.deepEqual(await members(uri), ['ann'])
      })
    }

    it('does not join by HEAD', async () => {
      const uri = await secretChat()
      const answer = await bob.send('HEAD', `/chats/${uri}`, undefined, { accept: 'text/html', ...NAVIGATION })
      assert.equal(answer.status, 200)
      assert.deepEqual(await members(uri), ['ann'])
    })

    it('does not join by reading of any other kind', async () => {
      const uri = await secretChat()
      for (const path of [
        `/chats/${uri}/messages`,
        `/chats/${uri}/messages?after=0`,
        `/chats/${uri}/members`,
        `/api/chats/${uri}`,
        `/api/chats/${uri}/messages`,
        `/api/chats/${uri}/members`,
      ]) {
        assert.equal((await bob.get(path)).status, 404, path)
      }
      assert.equal((await program.call('GET', `/api/chats/${uri}/`)).status, 404)
      assert.deepEqual(await members(uri), ['ann'])
    })

    it('offers a button where it does not join, and the button does', async () => {
      const uri = await secretChat()
      const page = await bob.get(`/chats/${uri}`, {
        ...NAVIGATION,
        'sec-fetch-site': 'cross-site',
        'sec-fetch-user': '',
      })
      assert.match(page.text, /<form[^>]* action="\/chats\/[\w-]+\/members"[\s\S]*>Join<\/button>/)
      const joined = await bob.post(`/chats/${uri}/members`)
      assert.equal(joined.status, 303)
      assert.equal(joined.headers.get('location'), `/chats/${uri}`)
      assert.deepEqual(await members(uri), ['ann', 'bob'])
    })
  })

  describe('a visitor who is not signed in', () => {
    it('learns the owner’s name and nothing else', async () => {
      const uri = await secretChat()
      await bob.get(`/chats/${uri}`)
      await bob.post(`/chats/${uri}/messages`, { message: 'from bob' })
      for (const headers of [{}, { 'hx-request': 'true' }, { accept: '*/*' }] as Record<string, string>[]) {
        const page = await new Visitor(site).get(`/chats/${uri}`, headers)
        // A form's token has any three letters in it, once in a while.
        assert.doesNotMatch(page.text, /hush hush|Secret plans|(?<![\w-])bob(?![\w-])|members|example\.org/)
        if (page.status === 200) {
          assert.match(page.text, /<bdi>ann<\/bdi> invites you to chat/)
        }
      }
      const json = await new Visitor(site).send('GET', `/api/chats/${uri}/`)
      assert.equal(json.status, 401)
      assert.doesNotMatch(json.text, /(?<![\w-])ann(?![\w-])/)
    })

    it('is told the same of a chat that is there and of one that is not, wherever members go', async () => {
      const uri = await secretChat()
      for (const [method, rest] of [
        ['GET', '/messages'],
        ['POST', '/messages'],
        ['GET', '/invite'],
        ['GET', '/members'],
        ['POST', '/members'],
        ['PATCH', ''],
      ] as const) {
        const [there, absent] = await Promise.all(
          [uri, UNKNOWN].map(one => new Visitor(site).send(method, `/api/chats/${one}${rest}`)),
        )
        assert.equal(there?.status, 401)
        assert.equal(there?.text, absent?.text)
      }
    })
  })

  describe('a chat that is unknown, somebody else’s, or none by its spelling', () => {
    it('is the same 404 to the last byte, for every request', async () => {
      const foreign = await secretChat()
      const requests: [method: string, path: string, headers: Record<string, string>, body?: string][] = [
        ['GET', '/api/chats/:uri', {}],
        ['GET', '/api/chats/:uri/messages', {}],
        ['GET', '/api/chats/:uri/messages?after=0', {}],
        ['GET', '/api/chats/:uri/messages?after=99999', {}],
        ['GET', '/api/chats/:uri/messages?after=x', {}],
        ['GET', '/api/chats/:uri/members', {}],
        ['GET', '/api/chats/:uri/invite', {}],
        ['GET', '/chats/:uri/invite', { accept: 'text/html' }],
        ['POST', '/api/chats/:uri/messages', { 'content-type': 'application/json' }, '{"message":"hello"}'],
        ['GET', '/chats/:uri/messages?after=0', { 'hx-request': 'true' }],
        ['GET', '/chats/:uri/messages?before=9', { 'hx-request': 'true' }],
        ['GET', '/chats/:uri/members', { accept: 'text/html' }],
        ['GET', '/chats/:uri/messages', { accept: 'text/html' }],
        [
          'POST',
          '/chats/:uri/messages',
          { accept: 'text/html', 'content-type': 'application/json' },
          '{"message":"hello"}',
        ],
      ]
      for (const [method, path, headers, body] of requests) {
        const [first, ...rest] = await Promise.all(
          [foreign, UNKNOWN, 'x', `${foreign}%00`].map(uri =>
            bob.send(method, path.replace(':uri', uri), body, { 'x-csrf-token': bob.csrf, ...headers }),
          ),
        )
        assert.equal(first?.status, 404, path)
        for (const answer of rest) {
          assert.equal(answer.status, 404, path)
          assert.equal(answer.text, first?.text, path)
          for (const name of ['etag', 'link', 'cache-control', 'content-type', 'allow']) {
            assert.equal(answer.headers.get(name), first?.headers.get(name), path)
          }
        }
      }
      assert.deepEqual(await members(foreign), ['ann'])
    })
  })

  describe('a member who was removed', () => {
    it('is refused everywhere, and nothing of the chat is shown', async () => {
      const uri = await secretChat()
      await bob.get(`/chats/${uri}`)
      const key = { 'idempotency-key': 'before' }
      const json = { 'content-type': 'application/json', 'x-csrf-token': bob.csrf }
      await bob.send('POST', `/api/chats/${uri}/messages/`, '{"message":"while in"}', { ...json, ...key })
      await removeMember(site, uri, 'bob')
      await until(async () => (await bob.htmx('GET', `/chats/${uri}/messages?after=0`)).status === 404)
      const before = await stored(site)
      const refused: Record<string, Answer> = {
        'the chat': await bob.send('GET', `/api/chats/${uri}/`),
        messages: await bob.send('GET', `/api/chats/${uri}/messages/`),
        events: await bob.send('GET', `/api/chats/${uri}/messages/?after=0`),
        'a cursor ahead': await bob.send('GET', `/api/chats/${uri}/messages/?after=999`),
        members: await bob.send('GET', `/api/chats/${uri}/members/`),
        'a post': await bob.send('POST', `/api/chats/${uri}/messages/`, '{"message":"x"}', json),
        'a post that was stored before': await bob.send(
          'POST',
          `/api/chats/${uri}/messages/`,
          '{"message":"while in"}',
          {
            ...json,
            ...key,
          },
        ),
        'a poll': await bob.htmx('GET', `/chats/${uri}/messages?after=0`),
        'older messages': await bob.htmx('GET', `/chats/${uri}/messages?before=9`),
        'members by htmx': await bob.htmx('GET', `/chats/${uri}/members`),
        'a post by htmx': await bob.htmx('POST', `/chats/${uri}/messages`, { message: 'x', after: '0' }),
        'a post by form': await bob.post(`/chats/${uri}/messages`, { message: 'x' }),
        'a post that is no good': await bob.post(`/chats/${uri}/messages`, { message: '' }),
      }
      for (const [what, answer] of Object.entries(refused)) {
        assert.equal(answer.status, 404, what)
        assert.doesNotMatch(answer.text, /hush hush|Secret plans|while in/, what)
      }
      assert.equal(refused['a poll']?.headers.get('hx-redirect'), '/')
      assert.deepEqual(await stored(site), before)
      assert.ok(!(await bob.get('/')).text.includes(uri))
      assert.ok(!(await bob.send('GET', '/api/chats/')).text.includes(uri))
    })

    it('sees no more than a stranger at the chat’s URL where that is no visit', async () => {
      const uri = await secretChat()
      await bob.get(`/chats/${uri}`)
      await removeMember(site, uri, 'bob')
      const page = await bob.get(`/chats/${uri}`, { 'sec-purpose': 'prefetch' })
      assert.doesNotMatch(page.text, /hush hush|Secret plans/)
      assert.deepEqual(await members(uri), ['ann'])
    })

    it('is no member any more in the eyes of the others', async () => {
      const uri = await secretChat()
      await bob.get(`/chats/${uri}`)
      await removeMember(site, uri, 'bob')
      const chat = (await ann.send('GET', `/api/chats/${uri}/`)).json
      assert.deepEqual(
        chat.members.map((member: { username: string }) => member.username),
        ['ann'],
      )
    })
  })

  describe('a link that was replaced or has run out', () => {
    it('is 404 for strangers and goes on leading members to their chat', async () => {
      for (const column of ['replaced_at', 'expires_at'] as const) {
        const uri = await secretChat()
        await site.pool.query(`update links set ${column} = now() - interval '1 minute' where uri = $1`, [uri])
        assert.equal((await bob.get(`/chats/${uri}`)).status, 404)
        assert.equal((await new Visitor(site).get(`/chats/${uri}`)).status, 404)
        assert.equal((await bob.post(`/chats/${uri}/members`)).status, 404)
        assert.equal((await program.join(uri)).status, 404)
        assert.deepEqual(await members(uri), ['ann'])
        assert.equal((await ann.get(`/chats/${uri}`)).status, 200)
        assert.equal((await ann.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 200)
      }
    })
  })

  it('belongs to one chat: a message of another one is not reached through it', async () => {
    const mine = await bob.startChat()
    const secret = await secretChat()
    for (const query of ['after=0', 'before=999999', 'after=0&limit=1000']) {
      assert.doesNotMatch((await bob.send('GET', `/api/chats/${mine}/messages?${query}`)).text, /hush hush/)
    }
    assert.doesNotMatch((await bob.htmx('GET', `/chats/${mine}/messages?after=0`)).text, /hush hush/)
    assert.notEqual(mine, secret)
  })

  it('is asked for by htmx with an answer that leads to the chat', async () => {
    const uri = await secretChat()
    const joined = await bob.htmx('POST', `/chats/${uri}/members`, {})
    assert.ok(joined.status >= 200 && joined.status < 300, String(joined.status))
    assert.equal(joined.headers.get('hx-redirect'), `/chats/${uri}`)
    assert.deepEqual(await members(uri), ['ann', 'bob'])
  })

  /** A chat of ann's whose title and text nobody else may see. */
  async function secretChat(): Promise<string> {
    const headers = { 'content-type': 'application/json', 'x-csrf-token': ann.csrf }
    const { uri } = (await ann.send('POST', '/api/chats/', '{"title":"Secret plans"}', headers)).json
    await ann.post(`/chats/${uri}/messages`, { message: 'hush hush' })
    return uri
  }

  async function members(uri: string): Promise<string[]> {
    const rows = await site.db
      .selectFrom('links')
      .innerJoin('members', 'members.chat_id', 'links.chat_id')
      .select('members.name')
      .where('links.uri', '=', uri)
      .where('members.left_at', 'is', null)
      .orderBy('members.joined_at')
      .execute()
    return rows.map(row => row.name)
  }
})
