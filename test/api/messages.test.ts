import assert from 'node:assert/strict'
import { findChat } from '../../src/db/chats.js'
import { postMessages } from '../../src/db/messages.js'
import { RULES_VERSION } from '../../src/text/markdown.js'
import type { Answer } from '../support/exchange.js'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

interface Item {
  id: number
  version: number
  event?: string
  message: string | null
  created_at: string
  user: { username: string }
}

describe('messages by the API', () => {
  let site: Site
  let ann: Program
  let bob: Program
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())

  describe('POST /api/chats/:uri/messages/', () => {
    it('answers 201 with the fields of the original, and id, version and time', async () => {
      const uri = await ann.startChat()
      const posted = await ann.post(uri, 'hello')
      assert.equal(posted.status, 201)
      const { status, user, message, id, version, created_at } = posted.json
      assert.equal(status, 'SUCCESS')
      assert.equal(posted.json.uri, uri)
      assert.equal(message, 'hello')
      assert.equal(id, version)
      assert.equal(created_at, new Date(created_at).toISOString())
      assert.equal(user.username, 'ann')
      assert.deepEqual(Object.keys(user).sort(), [
        'email',
        'first_name',
        'guest',
        'id',
        'kind',
        'last_name',
        'name',
        'username',
      ])
      const [read] = (await ann.call('GET', `/api/chats/${uri}/messages/`)).json.messages
      assert.equal(read.id, id)
      assert.equal(read.created_at, created_at)
    })

    it('gives UTF-8 back as typed, unescaped, without controls', async () => {
      const uri = await ann.startChat()
      const text = 'é😀<&>"\' \u2028 </script> \\u00e9 e\u0301 א'
      const posted = await ann.post(uri, `\u0007${text}`)
      assert.equal(posted.json.message, text)
      assert.ok(posted.text.includes('é😀<&>'))
      const list = await ann.call('GET', `/api/chats/${uri}/messages/`)
      assert.equal(list.json.messages[0].message, text)
      assert.ok(list.text.includes('é😀<&>'))
      assert.match(list.headers.get('content-type') ?? '', /charset=utf-8/i)
    })

    it('adds up: versions of a chat have no holes, whoever posts and joins', async () => {
      const uri = await ann.startChat()
      await bob.join(uri)
      await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? ann : bob).post(uri, `m${n}`)))
      const { items, answers } = await follow(ann, `/api/chats/${uri}/messages/?after=0&limit=1000`, 'next')
      assert.deepEqual(
        items.map(item => item.version),
        Array.from({ length: 22 }, (_, n) => n + 1),
      )
      assert.equal(answers[0]?.json.version, 22)
    })
  })

  describe('Idempotency-Key', () => {
    it('answers the same key and text with success and the same id, and stores one message', async () => {
      const uri = await ann.startChat()
      const first = await ann.post(uri, 'once', { 'idempotency-key': 'k1' })
      const again = await ann.post(uri, 'once', { 'idempotency-key': 'k1' })
      assert.equal(first.status, 201)
      assert.ok([200, 201].includes(again.status))
      assert.equal(again.json.id, first.json.id)
      assert.equal(again.json.created_at, first.json.created_at)
      assert.equal(again.json.status, 'SUCCESS')
      assert.equal(again.json.message, 'once')
      assert.equal((await texts(uri)).length, 1)
    })

    it('counts line ends of another system as the same text', async () => {
      const uri = await ann.startChat()
      const first = await ann.post(uri, 'a\r\nb', { 'idempotency-key': 'k' })
      const again = await ann.post(uri, 'a\nb', { 'idempotency-key': 'k' })
      assert.equal(again.json.id, first.json.id)
    })

    it('refuses another text under the same key with 422, and says so of the key', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'one', { 'idempotency-key': 'k' })
      const refused = await ann.post(uri, 'two', { 'idempotency-key': 'k' })
      assert.equal(refused.status, 422)
      assert.equal(refused.json.errors.key.length, 1)
      assert.deepEqual(await texts(uri), ['one'])
    })

    it('belongs to its author and its chat', async () => {
      const uri = await ann.startChat()
      const other = await ann.startChat()
      await bob.join(uri)
      const key = { 'idempotency-key': 'mine' }
      const statuses = [
        (await ann.post(uri, 'one', key)).status,
        (await bob.post(uri, 'two', key)).status,
        (await ann.post(other, 'three', key)).status,
      ]
      assert.deepEqual(statuses, [201, 201, 201])
    })

    it('stores one message of many that come at once, and gives all of them its id', async () => {
      const uri = await ann.startChat()
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ann.post(uri, 'once', { 'idempotency-key': 'k' })),
      )
      assert.equal(answers.filter(answer => answer.status === 201).length, 1)
      assert.deepEqual(new Set(answers.map(answer => answer.json.id)).size, 1)
      assert.deepEqual(await texts(uri), ['once'])
    })

    it('is refused with 422 where it is over 200 characters, and nothing is stored', async () => {
      const uri = await ann.startChat()
      assert.equal((await ann.post(uri, 'x', { 'idempotency-key': 'k'.repeat(200) })).status, 201)
      const refused = await ann.post(uri, 'y', { 'idempotency-key': 'k'.repeat(201) })
      assert.equal(refused.status, 422)
      assert.equal(refused.json.errors.key.length, 1)
      assert.deepEqual(await texts(uri), ['x'])
    })

    it('lets a message without a key be sent twice', async () => {
      const uri = await ann.startChat()
      await ann.post(uri, 'same')
      await ann.post(uri, 'same')
      assert.deepEqual(await texts(uri), ['same', 'same'])
    })
  })

  describe('GET /api/chats/:uri/messages/', () => {
    let uri: string
    let id: number
    /** As many as the newest page and the largest page leave something out. */
    const COUNT = 1_010
    before(async () => {
      uri = await ann.startChat()
      const chat = await findChat(site.db, uri, undefined)
      assert.ok(chat)
      id = chat.id
      const posts = Array.from({ length: COUNT }, (_, n) => ({
        uri,
        author_id: chat.owner_id,
        text: `message ${n + 1}`,
        key: null,
        reply_to: null,
        names: [],
      }))
      await postMessages(site.db, posts, { wait: true })
      await bob.join(uri)
    })
    const path = (query = '') => `/api/chats/${uri}/messages/${query}`

    it('answers with id, uri, version and the newest 200 messages, oldest first, and a Link to older ones', async () => {
      const answer = await bob.call('GET', path())
      assert.equal(answer.status, 200)
      assert.equal(answer.json.id, id)
      assert.equal(answer.json.uri, uri)
      assert.equal(answer.json.version, COUNT + 2)
      const messages: Item[] = answer.json.messages
      assert.deepEqual(
        messages.map(message => message.message),
        Array.from({ length: 200 }, (_, n) => `message ${COUNT - 199 + n}`),
      )
      const { pathname, searchParams } = linked(answer, 'prev')
      assert.equal(pathname, path())
      assert.equal(searchParams.get('before'), String(messages[0]?.id))
    })

    it('shows of each message user, text, id, version and times', async () => {
      const [message] = (await bob.call('GET', path('?limit=1'))).json.messages
      assert.deepEqual(
        Object.keys(message).filter(name =>
          ['user', 'message', 'id', 'version', 'created_at', 'edited_at'].includes(name),
        ).length,
        6,
      )
      assert.equal(message.id, message.version)
      assert.equal(message.edited_at, null)
      assert.equal(message.created_at, new Date(message.created_at).toISOString())
      assert.deepEqual(Object.keys(message.user).sort(), [
        'email',
        'first_name',
        'guest',
        'id',
        'kind',
        'last_name',
        'name',
        'username',
      ])
    })

    it('shows of each message what was typed, and the HTML that was made of it', async () => {
      const own = await bob.startChat()
      const typed = '**a** <b>\nc'
      await bob.post(own, typed)
      const html = '<p><strong>a</strong> &lt;b&gt;<br>c</p>'
      for (const query of ['', '?after=0']) {
        const { messages } = (await bob.call('GET', `/api/chats/${own}/messages/${query}`)).json
        const { message, html: made } = messages.at(-1)
        assert.deepEqual([message, made], [typed, html])
        // Of what is no message there is none.
        assert.ok(messages.every((item: Item & { html: string }) => !item.message === (item.html === '')))
      }
    })

    it('shows who of the members is mentioned, in the HTML too', async () => {
      const own = await bob.startChat()
      const { id: bobs } = (await bob.call('GET', `/api/chats/${own}/`)).json.owner
      const { json } = await bob.post(own, 'To @Bob, and not to @nobody or `@bob`')
      const message = (await bob.call('GET', `/api/chats/${own}/messages/${json.id}/`)).json
      assert.deepEqual(message.mentions, [bobs])
      const mention = `<span class="mention" data-user="${bobs}">@Bob</span>`
      assert.equal(message.html, `<p>To ${mention}, and not to @nobody or <code>@bob</code></p>`)
    })

    it('mentions who has a username that the chat does not show, once with the name that it shows, which comes first', async () => {
      const [shown, hidden] = await Promise.all(['shown', 'hidden'].map(name => signUpProgram(site, name)))
      assert.ok(shown && hidden)
      assert.equal((await hidden.call('PATCH', '/api/account/', { name: 'Paula Fell' })).status, 200)
      const own = await shown.startChat()
      await hidden.join(own)
      const { id } = (await hidden.call('GET', '/api/account/')).json
      const html = (said: string) => `<span class="mention" data-user="${id}">${said}</span>`
      const { json } = await shown.post(own, '@hidden is @Paula Fell, and @bob is nobody here')
      const message = (await shown.call('GET', `/api/chats/${own}/messages/${json.id}/`)).json
      assert.deepEqual(message.mentions, [id])
      assert.equal(message.html, `<p>${html('@hidden')} is ${html('@Paula Fell')}, and @bob is nobody here</p>`)
      assert.equal((await hidden.call('GET', `/api/chats/${own}/`)).json.mentioned, 1)

      // Names of before: a member who is shown under another one's username.
      await site.pool.query(
        `update members set name = 'hidden', folded_name = 'hidden'
         where user_id = (select id from users where username = 'shown')`,
      )
      const again = (await shown.post(own, 'to @hidden')).json.id
      const { mentions } = (await shown.call('GET', `/api/chats/${own}/messages/${again}/`)).json
      assert.deepEqual(mentions, [(await shown.call('GET', '/api/account/')).json.id])
    })

    it('shows messages only: no one who joined', async () => {
      const { items } = await follow(bob, path('?limit=1000'), 'prev')
      assert.ok(items.every(item => item.message?.startsWith('message ')))
    })

    it('leads by Link rel="prev" to every message exactly once', async () => {
      const { answers } = await follow(bob, path('?limit=300'), 'prev')
      const items = answers.toReversed().flatMap(answer => answer.json.messages as Item[])
      assert.deepEqual(
        items.map(item => item.message),
        Array.from({ length: COUNT }, (_, n) => `message ${n + 1}`),
      )
    })

    it('leads by Link rel="next" from any cursor to every event exactly once', async () => {
      for (const after of [0, 5, COUNT]) {
        const { items } = await follow(bob, path(`?after=${after}&limit=301`), 'next')
        assert.deepEqual(
          items.map(item => item.version),
          Array.from({ length: COUNT + 2 - after }, (_, n) => after + n + 1),
        )
      }
    })

    it('names each event after a cursor', async () => {
      const first = (await bob.call('GET', path('?after=0&limit=2'))).json.messages as Item[]
      assert.deepEqual(
        first.map(item => item.event),
        ['joined', 'message'],
      )
      const last = (await bob.call('GET', path(`?after=${COUNT + 1}`))).json.messages as Item[]
      assert.deepEqual(
        last.map(item => `${item.event} ${item.user.username}`),
        ['joined bob'],
      )
    })

    it('says of each event who did it, and nobody where its user is whom it concerns', async () => {
      const uri = await ann.startChat()
      await bob.join(uri)
      const { id } = (await bob.post(uri, 'hello')).json
      await ann.call('PUT', `/api/chats/${uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
      await ann.call('PATCH', `/api/chats/${uri}/`, { title: 'Plans' })
      const bobs = (await bob.call('GET', '/api/account/')).json.id
      await ann.call('PUT', `/api/chats/${uri}/owner/`, { user_id: bobs })
      const { json } = await ann.call('GET', `/api/chats/${uri}/messages/?after=0`)
      assert.deepEqual(
        (json.messages as (Item & { by: Item['user'] | null })[]).map(
          ({ event, user, by }) => `${event} ${user.username} ${by?.username}`,
        ),
        [
          'joined ann ann',
          'joined bob bob',
          'message bob bob',
          'reacted bob ann',
          'renamed ann ann',
          'owner bob undefined',
        ],
      )
    })

    it('says by version and more where to go on: the last event of a cut answer, else the chat’s version', async () => {
      const cut = await bob.call('GET', path('?after=10&limit=5'))
      assert.equal(cut.json.version, 15)
      assert.equal(cut.json.more, true)
      assert.equal(linked(cut, 'next').searchParams.get('after'), '15')
      const exact = await bob.call('GET', path(`?after=${COUNT - 3}&limit=5`))
      assert.equal(exact.json.messages.length, 5)
      assert.equal(exact.json.version, COUNT + 2)
      assert.ok(!exact.json.more)
      assert.equal(exact.headers.get('link'), null)
      const idle = await bob.call('GET', path(`?after=${COUNT + 2}`))
      assert.deepEqual(idle.json.messages, [])
      assert.equal(idle.json.version, COUNT + 2)
      assert.ok(!idle.json.more)
    })

    it('says no more where the oldest message is in the answer', async () => {
      const answer = await bob.call('GET', path('?before=5'))
      assert.deepEqual(
        answer.json.messages.map((item: Item) => item.version),
        [2, 3, 4],
      )
      assert.ok(!answer.json.more)
      assert.equal(answer.headers.get('link'), null)
    })

    it('takes limits from 1 to 1000', async () => {
      assert.equal((await bob.call('GET', path('?limit=1'))).json.messages.length, 1)
      assert.equal((await bob.call('GET', path('?limit=1000'))).json.messages.length, 1000)
      assert.equal((await bob.call('GET', path('?after=0&limit=1000'))).json.messages.length, 1000)
      for (const limit of ['0', '1001', '-1']) {
        const refused = await bob.call('GET', path(`?limit=${limit}`))
        assert.equal(refused.status, 422, limit)
        assert.equal(refused.json.errors.limit.length, 1)
      }
    })

    it('answers a cursor ahead of the chat with 410 and the current version', async () => {
      for (const after of [COUNT + 3, 999_999_999]) {
        const ahead = await bob.call('GET', path(`?after=${after}`))
        assert.equal(ahead.status, 410)
        assert.match(ahead.headers.get('content-type') ?? '', /^application\/problem\+json/)
        assert.equal(ahead.json.version, COUNT + 2)
      }
    })

    it('answers 304 without a body to whoever has the answer already, until something happens', async () => {
      const own = await ann.startChat()
      for (const query of ['', '?after=0', '?limit=5', '?before=3']) {
        const list = `/api/chats/${own}/messages/${query}`
        const first = await ann.call('GET', list)
        const etag = first.headers.get('etag') ?? ''
        assert.match(etag, /^(W\/)?"[^"]+"$/)
        // Of old rules of formatting nobody has an ETag that still fits.
        assert.ok(etag.startsWith(`W/"${RULES_VERSION}.`))
        assert.match(first.headers.get('cache-control') ?? '', /private.*no-cache/)
        const known = { 'if-none-match': etag, 'cache-control': 'max-age=0' }
        const unchanged = await ann.call('GET', list, undefined, known)
        assert.equal(unchanged.status, 304, query)
        assert.equal(unchanged.text, '')
        assert.equal(unchanged.headers.get('etag'), etag)
        await ann.post(own, 'news')
        const changed = await ann.call('GET', list, undefined, known)
        assert.equal(changed.status, 200, query)
        assert.notEqual(changed.headers.get('etag'), etag)
      }
    })

    it('answers 304 to fetch too, which adds Cache-Control: no-cache to a request with If-None-Match', async () => {
      const etag = (await bob.call('GET', path())).headers.get('etag') ?? ''
      for (const given of [etag, `"other", ${etag}`]) {
        // RFC 9110 section 13.1.2: the condition decides; the request's Cache-Control speaks to caches.
        const answer = await bob.call('GET', path(), undefined, { 'if-none-match': given, 'cache-control': 'no-cache' })
        assert.equal(answer.status, 304)
      }
    })

    it('has another ETag for another part of the chat', async () => {
      const etags = new Set<string | null>()
      for (const query of ['', '?after=1', '?before=9', '?limit=9', '?after=9', '?after=1&limit=9']) {
        etags.add((await bob.call('GET', path(query))).headers.get('etag'))
      }
      assert.equal(etags.size, 6)
    })

    it('answers 404, and not 304, to who is no member any more', async () => {
      const own = await ann.startChat()
      await bob.join(own)
      const etag = (await bob.call('GET', `/api/chats/${own}/messages/`)).headers.get('etag') ?? ''
      await removeMember(site, own, 'bob')
      const known = { 'if-none-match': etag, 'cache-control': 'max-age=0' }
      assert.equal((await bob.call('GET', `/api/chats/${own}/messages/`, undefined, known)).status, 404)
    })

    it('answers HEAD as GET, without the body', async () => {
      const get = await bob.call('GET', path())
      const head = await fetch(site.url + path(), { method: 'HEAD', headers: { authorization: `Token ${bob.token}` } })
      assert.equal(head.status, 200)
      assert.equal(await head.text(), '')
      assert.equal(head.headers.get('etag'), get.headers.get('etag'))
    })
  })

  async function texts(uri: string): Promise<(string | null)[]> {
    const { messages } = (await ann.call('GET', `/api/chats/${uri}/messages/`)).json
    return messages.map((item: Item) => item.message)
  }

  /** Goes on by Link until there is none; every answer by the way must say that there is more. */
  async function follow(program: Program, first: string, rel: string) {
    const answers: Answer[] = []
    for (let path: string | undefined = first; path; ) {
      const answer: Answer = await program.call('GET', path)
      assert.equal(answer.status, 200)
      answers.push(answer)
      const link = new RegExp(`<([^>]+)>; rel="${rel}"`).exec(answer.headers.get('link') ?? '')?.[1]
      assert.equal(Boolean(answer.json.more), link !== undefined)
      path = link
    }
    return { answers, items: answers.flatMap(answer => answer.json.messages as Item[]) }
  }

  function linked(answer: Answer, rel: string): URL {
    const link = new RegExp(`<([^>]+)>; rel="${rel}"`).exec(answer.headers.get('link') ?? '')?.[1]
    assert.ok(link, `no Link rel="${rel}"`)
    return new URL(link, site.url)
  }
})
