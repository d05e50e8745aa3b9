import assert from 'node:assert/strict'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import { stored } from '../input/rows.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openPageEvents } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const MARKUP = '"><script>alert(1)</script> & <b>'
const ESCAPED = '&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;'

describe('the owner’s page of a chat', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let stranger: Visitor
  let program: Program
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    stranger = await new Visitor(site).signUp('stranger')
    program = await signUpProgram(site, 'prog')
  })
  after(() => site.close())
  afterEach(cutStreams)
  beforeEach(async () => {
    uri = await ann.startChat()
    await bob.get(`/chats/${uri}`)
  })

  it('is for the owner alone: members are told so, and strangers as where nothing is', async () => {
    assert.equal((await ann.get(`/chats/${uri}/settings`)).status, 200)
    assert.match((await ann.get(`/chats/${uri}`)).text, /href="\/chats\/[\w-]+\/settings"/)
    assert.doesNotMatch((await bob.get(`/chats/${uri}`)).text, /\/settings"/)
    const before = await stored(site)
    for (const [method, path, fields] of [
      ['GET', 'settings', ''],
      ['POST', 'settings', 'title=mine'],
      ['POST', 'link', ''],
      ['POST', 'owner', 'user_id=1'],
      ['POST', 'deletion', 'name=Chat+started+by+ann'],
    ] as const) {
      const send = (visitor: Visitor) =>
        method === 'GET'
          ? visitor.get(`/chats/${uri}/${path}`)
          : visitor.post(`/chats/${uri}/${path}`, Object.fromEntries(new URLSearchParams(fields)))
      const refused = await send(bob)
      assert.equal(refused.status, 403, path)
      assert.match(refused.text, /Only the owner of this chat can do this\./)
      assert.equal((await send(stranger)).status, 404, path)
      assert.equal((await send(new Visitor(site))).status, 401, path)
      const fragment = await bob.htmx(method, `/chats/${uri}/${path}`, method === 'GET' ? undefined : {})
      assert.equal(fragment.status, 403)
      assertAlert(fragment)
    }
    await program.join(uri)
    for (const [method, path, body] of [
      ['GET', 'settings/', undefined],
      ['PATCH', 'settings/', { title: 'mine' }],
      ['PUT', 'link/', {}],
      ['PUT', 'owner/', { user_id: 1 }],
      ['DELETE', '', { name: 'Chat started by ann' }],
    ] as const) {
      assertProblem(await program.call(method, `/api/chats/${uri}/${path}`, body), 403)
    }
    assert.deepEqual(
      { ...(await stored(site)), events: 0, members: 0, versions: 0 },
      { ...before, events: 0, members: 0, versions: 0 },
    )
  })

  describe('renaming', () => {
    it('shows the title as it was typed, everywhere, and says so to everybody', async () => {
      const saved = await ann.post(`/chats/${uri}/settings`, { title: `  ${MARKUP} `, guests: 'true' })
      assert.equal(saved.status, 303)
      assert.equal(saved.headers.get('location'), `/chats/${uri}/settings?saved`)
      for (const path of [`/chats/${uri}`, '/', `/chats/${uri}/settings?saved`, `/chats/${uri}/members`]) {
        const { text } = await ann.get(path)
        assert.ok(text.includes(ESCAPED), path)
        assert.ok(!text.includes('<script>alert'), path)
      }
      assert.ok((await bob.htmx('GET', `/chats/${uri}/header`)).text.includes(`<title>${ESCAPED} – Chatire</title>`))
      assert.match((await bob.get(`/chats/${uri}`)).text, /<bdi>ann<\/bdi> named the chat <bdi>&quot;&gt;&lt;script/)
      assert.deepEqual(await news(2), ['renamed ann'])
    })

    it('takes the title away where it is empty, and changes nothing where it is the same', async () => {
      await ann.post(`/chats/${uri}/settings`, { title: 'Plans', guests: 'true' })
      await ann.post(`/chats/${uri}/settings`, { title: 'Plans', guests: 'true' })
      await ann.post(`/chats/${uri}/settings`, { title: ' ', guests: 'true' })
      assert.deepEqual(await news(2), ['renamed ann', 'changed ann'])
      assert.equal((await ann.send('GET', `/api/chats/${uri}/`)).json.title, null)
    })

    it('takes 200 characters and gives longer ones back to the form, with the boxes as they were', async () => {
      const longest = '😀'.repeat(200)
      assert.equal((await ann.post(`/chats/${uri}/settings`, { title: longest })).status, 303)
      const refused = await ann.post(`/chats/${uri}/settings`, { title: `${longest}<b>`, read_only: 'true' })
      assert.equal(refused.status, 422)
      assertPage(refused)
      assert.match(refused.text, /At most 200 characters\./)
      assert.ok(refused.text.includes(`value="${longest}&lt;b&gt;"`))
      assert.match(box(refused.text, 'read_only'), / checked/)
      assert.doesNotMatch(box(refused.text, 'guests'), / checked/)
      const fragment = await ann.htmx('POST', `/chats/${uri}/settings`, { title: `${longest}x` })
      assert.equal(fragment.status, 422)
      assertAlert(fragment)
      const json = await patch({ title: `${longest}x` })
      assertProblem(json, 422)
      assert.ok(json.json.errors.title)
    })
  })

  describe('what can happen in the chat', () => {
    it('read-only: a sentence stands in the place of the composer, and nobody posts, the owner neither', async () => {
      await ann.post(`/chats/${uri}/settings`, { title: '', read_only: 'true', guests: 'true' })
      for (const visitor of [ann, bob]) {
        const { text } = await visitor.get(`/chats/${uri}`)
        assert.match(text, /This chat is read-only\. You can read all of it, and nobody can write\./)
        assert.doesNotMatch(text, /id="composer"/)
        const refused = await visitor.post(`/chats/${uri}/messages`, { message: 'typed <b> meanwhile' })
        assert.equal(refused.status, 403)
        assert.match(refused.text, /<textarea[^>]*>\s*typed &lt;b&gt; meanwhile<\/textarea>/)
      }
      await ann.post(`/chats/${uri}/settings`, { title: '', guests: 'true' })
      assert.equal((await bob.post(`/chats/${uri}/messages`, { message: 'again' })).status, 303)
      assert.match((await bob.get(`/chats/${uri}`)).text, /id="composer"/)
    })

    it('closed to new members, and without guests: who is there stays', async () => {
      await ann.post(`/chats/${uri}/settings`, { title: '', joins_closed: 'true' })
      const refused = await stranger.get(`/chats/${uri}`)
      assert.equal(refused.status, 403)
      assert.match(refused.text, /Its owner lets nobody else in/)
      assert.equal((await bob.get(`/chats/${uri}`)).status, 200)
      const { read_only, joins_closed, guests } = (await ann.send('GET', `/api/chats/${uri}/settings/`)).json
      assert.deepEqual({ read_only, joins_closed, guests }, { read_only: false, joins_closed: true, guests: false })
      assert.deepEqual(await news(2), ['changed ann'])
    })

    it('is changed by programs as far as they name it', async () => {
      assert.deepEqual((await patch({ read_only: true })).json, {
        title: null,
        read_only: true,
        joins_closed: false,
        guests: true,
        kept_days: null,
        kept_days_at_most: null,
      })
      assert.deepEqual((await patch({ title: 'T', guests: false, read_only: 'false' })).json, {
        title: 'T',
        read_only: false,
        joins_closed: false,
        guests: false,
        kept_days: null,
        kept_days_at_most: null,
      })
      assert.equal((await patch({})).json.title, 'T')
      assert.equal((await patch({ title: null })).json.title, null)
      for (const field of ['read_only', 'joins_closed', 'guests']) {
        for (const value of ['maybe', 2, [], {}, null]) {
          const refused = await patch({ title: 'not stored', [field]: value })
          assertProblem(refused, 422)
          assert.deepEqual(refused.json.errors[field], ['Must be true or false.'], JSON.stringify(value))
        }
      }
      assert.equal((await ann.send('GET', `/api/chats/${uri}/`)).json.title, null)
    })
  })

  describe('replacing the link', () => {
    it('gives a new one; the old one is dead for strangers and leads members on', async () => {
      const replaced = await ann.post(`/chats/${uri}/link`, { expires_in: '' })
      assert.equal(replaced.status, 303)
      const [, fresh = ''] =
        /^\/chats\/([\w-]{22})\/settings\?saved$/.exec(replaced.headers.get('location') ?? '') ?? []
      assert.notEqual(fresh, uri)
      assert.equal((await stranger.get(`/chats/${uri}`)).status, 404)
      assert.equal((await new Visitor(site).get(`/chats/${uri}`)).status, 404)
      assert.equal((await program.join(uri)).status, 404)
      const led = await bob.get(`/chats/${uri}?before=9`)
      assert.equal(led.status, 303)
      assert.equal(led.headers.get('location'), `/chats/${fresh}?before=9`)
      const page = await bob.get(`/chats/${fresh}`)
      assert.ok(page.text.includes(`/chats/${fresh}"`))
      assert.ok(!page.text.includes(uri))
      assert.equal((await stranger.get(`/chats/${fresh}`)).status, 200)
      assert.deepEqual(await news(2), ['changed ann', 'joined stranger'])
      assert.equal((await ann.send('GET', '/api/chats/')).json.chats[0].uri, fresh)
      assert.equal((await ann.send('GET', `/api/chats/${uri}/`)).json.uri, fresh)
    })

    it('does not end the polls and streams of pages that are open', async () => {
      const stream = await openPageEvents(site, `/chats/${uri}/live?after=0`, bob)
      await stream.shows('bob</bdi> joined')
      const fresh = (await call('PUT', `/api/chats/${uri}/link/`, {})).json.uri
      await stream.shows('data-kind="changed"')
      await ann.post(`/chats/${fresh}/messages`, { message: 'by the new link' })
      await stream.shows('by the new link')
      assert.equal(stream.ending, undefined)
      assert.match((await bob.htmx('GET', `/chats/${uri}/messages?after=1`)).text, /by the new link/)
      assert.equal((await bob.post(`/chats/${uri}/messages`, { message: 'by the old one' })).status, 303)
      await stream.shows('by the old one')
      const header = await bob.htmx('GET', `/chats/${uri}/header`)
      assert.ok(header.text.includes(`/chats/${fresh}"`))
    })

    it('can let people in for a while only, which is shown', async () => {
      for (const [expires_in, seconds] of [
        [3600, 3600],
        ['86400', 86_400],
        [604_800, 604_800],
      ] as const) {
        const { status, json } = await call('PUT', `/api/chats/${uri}/link/`, { expires_in })
        assert.equal(status, 200)
        assert.match(json.url, new RegExp(`^http.*/chats/${json.uri}$`))
        assert.ok(Math.abs(Date.parse(json.expires_at) - Date.now() - seconds * 1000) < 60_000)
        assert.equal((await ann.send('GET', `/api/chats/${json.uri}/`)).json.expires_at, json.expires_at)
        assert.deepEqual((await bob.send('GET', `/api/chats/${uri}/invite/`)).json, json)
        for (const path of [`/chats/${json.uri}`, `/chats/${json.uri}/settings`, `/chats/${uri}/invite`]) {
          assert.match(
            (await ann.get(path)).text,
            new RegExp(`[Ll]ets people in until <time[^>]* datetime="${json.expires_at}"`),
          )
        }
        await site.pool.query(`update links set expires_at = now() where uri = $1`, [json.uri])
        assert.equal((await stranger.get(`/chats/${json.uri}`)).status, 404)
        assert.equal((await bob.get(`/chats/${json.uri}`)).status, 200)
      }
      const { json } = await call('PUT', `/api/chats/${uri}/link/`, { expires_in: null })
      assert.equal(json.expires_at, null)
    })

    it('takes no other time', async () => {
      const before = await stored(site)
      for (const expires_in of ['1', 'x', '-3600', 60, 3600.5, [], {}, true, 'toString', '__proto__']) {
        assertProblem(await call('PUT', `/api/chats/${uri}/link/`, { expires_in }), 422)
      }
      const page = await ann.post(`/chats/${uri}/link`, { expires_in: '60' })
      assert.equal(page.status, 422)
      assertPage(page)
      assert.deepEqual(await stored(site), before)
    })
  })

  describe('handing over', () => {
    it('makes another the owner, and the old one a member', async () => {
      const id = await idOf('bob')
      const handed = await ann.post(`/chats/${uri}/owner`, { user_id: String(id) })
      assert.equal(handed.status, 303)
      assert.equal(handed.headers.get('location'), `/chats/${uri}`)
      assert.equal((await ann.get(`/chats/${uri}/settings`)).status, 403)
      assert.equal((await bob.get(`/chats/${uri}/settings`)).status, 200)
      assert.deepEqual(await news(2), ['owner bob'])
      assert.equal((await ann.post(`/chats/${uri}/members/me/departure`)).status, 303)
    })

    it('is refused to a guest who is gone, to oneself, to nobody and to what is no id', async () => {
      await program.join(uri)
      const id = await idOf('prog')
      await site.pool.query(
        `update users set kind = 'guest', folded_username = null, password_hash = null where id = $1`,
        [id],
      )
      try {
        const before = await stored(site)
        for (const [user_id, status] of [
          [id, 422],
          [await idOf('ann'), 422],
          [999_999, 404],
          ['x', 422],
          ['', 422],
          [null, 422],
          [[1], 422],
        ] as const) {
          assertProblem(await call('PUT', `/api/chats/${uri}/owner/`, { user_id }), status)
        }
        const page = await ann.post(`/chats/${uri}/owner`, { user_id: String(id) })
        assert.equal(page.status, 422)
        assertPage(page)
        assert.match(page.text, /This guest is gone, and nobody can be them again\./)
        assert.doesNotMatch(page.text, /<option[^>]*>prog</)
        assert.match(page.text, /<option[^>]*>bob</)
        assert.equal((await ann.post(`/chats/${uri}/owner`)).status, 422)
        assert.deepEqual(await stored(site), before)
      } finally {
        await site.pool.query(
          `update users set kind = 'account', folded_username = 'prog', password_hash = 'none' where id = $1`,
          [id],
        )
      }
    })
  })

  describe('deleting the chat', () => {
    it('is done where its name is typed, as it is shown', async () => {
      await patch({ title: `A  ${MARKUP}` })
      const refused = await ann.post(`/chats/${uri}/deletion`, { name: 'A <b>' })
      assert.equal(refused.status, 422)
      assertPage(refused)
      assert.match(refused.text, /That is not its name\./)
      assert.match(refused.text, /id="name"[^>]* value="A &lt;b&gt;"/)
      for (const name of ['', '  ', 'Chat started by ann', null, undefined, []]) {
        assertProblem(await call('DELETE', `/api/chats/${uri}/`, { name }), 422)
      }
      const fragment = await ann.htmx('POST', `/chats/${uri}/deletion`, { name: 'x' })
      assert.equal(fragment.status, 422)
      assertAlert(fragment)
      const deleted = await ann.post(`/chats/${uri}/deletion`, { name: `A ${MARKUP}` })
      assert.equal(deleted.status, 303)
      assert.equal(deleted.headers.get('location'), '/')
      for (const visitor of [ann, bob, stranger]) {
        assert.equal((await visitor.get(`/chats/${uri}`)).status, 404)
        assert.ok(!(await visitor.get('/')).text.includes(uri))
      }
      assert.equal((await bob.post(`/chats/${uri}/messages`, { message: 'x' })).status, 404)
      assert.equal((await bob.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 404)
    })

    it('is done by the API, and by what the chat goes by where it has no title', async () => {
      assert.equal((await call('DELETE', `/api/chats/${uri}/`, { name: 'Chat started by ann' })).status, 204)
      assert.equal((await ann.send('GET', `/api/chats/${uri}/`)).status, 404)
    })

    it('ends what is open of it', async () => {
      const stream = await openPageEvents(site, `/chats/${uri}/live?after=0`, bob)
      await stream.shows('bob</bdi> joined')
      await ann.post(`/chats/${uri}/deletion`, { name: 'Chat started by ann' })
      assert.equal(await stream.over(), 'end')
      await until(async () => (await bob.htmx('GET', `/chats/${uri}/messages?after=0`)).status === 404)
    })
  })

  it('answers a wrong method with those that are right', async () => {
    for (const [path, allowed] of [
      ['settings', ['GET', 'POST', 'PATCH']],
      ['link', ['POST', 'PUT']],
      ['owner', ['POST', 'PUT']],
    ] as const) {
      const refused = await call('DELETE', `/api/chats/${uri}/${path}/`)
      assert.equal(refused.status, 405)
      for (const method of allowed) {
        assert.ok(refused.headers.get('allow')?.includes(method), path)
      }
    }
  })

  function call(method: string, path: string, body?: unknown) {
    return ann.send(method, path, body === undefined ? undefined : JSON.stringify(body), {
      'x-csrf-token': ann.csrf,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    })
  }

  function patch(body: unknown) {
    return call('PATCH', `/api/chats/${uri}/settings/`, body)
  }

  async function idOf(name: string): Promise<number> {
    const { members } = (await ann.send('GET', `/api/chats/${uri}/members/`)).json
    return members.find((member: { name: string }) => member.name === name)?.id
  }

  /** What happened since, by whom. */
  async function news(version: number): Promise<string[]> {
    const { messages } = (await ann.send('GET', `/api/chats/${uri}/messages/?after=${version}`)).json
    return messages.map(({ event, user }: { event: string; user: { name: string } }) => `${event} ${user.name}`)
  }
})

function box(html: string, name: string): string {
  return new RegExp(`<input[^>]* name="${name}"[^>]*>`).exec(html)?.[0] ?? ''
}
