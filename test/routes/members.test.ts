import assert from 'node:assert/strict'
import { assertAlert, assertPage, assertProblem } from '../input/answers.js'
import { stored } from '../input/rows.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('the members of a chat', () => {
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
  beforeEach(async () => {
    uri = await ann.startChat()
    await bob.get(`/chats/${uri}`)
    await program.join(uri)
  })

  describe('GET /chats/:uri/members', () => {
    it('lists all, the owner first and then as they came, those who never wrote too', async () => {
      await bob.post(`/chats/${uri}/messages`, { message: 'only bob writes' })
      const page = await bob.get(`/chats/${uri}/members`)
      assert.equal(page.status, 200)
      assert.match(page.text, /<h1[^>]*>3 members<\/h1>/)
      assert.deepEqual(namesOn(page.text), ['ann', 'bob', 'prog'])
      assert.match(item(page.text, 'ann'), /owner/)
      assert.doesNotMatch(item(page.text, 'bob'), /owner/)
      assert.match(item(page.text, 'bob'), /you/)
      assert.match(item(page.text, 'prog'), /joined <time[^>]* datetime="\d{4}-/)
      const { members } = (await program.call('GET', `/api/chats/${uri}/members/`)).json
      assert.deepEqual(
        members.map(({ name, owner }: { name: string; owner: boolean }) => [name, owner]),
        [
          ['ann', true],
          ['bob', false],
          ['prog', false],
        ],
      )
      for (const { joined_at } of members) {
        assert.equal(new Date(joined_at).toISOString(), joined_at)
      }
    })

    it('says whose username is another than the name that is shown, here and where a name is pointed at; a guest has none', async () => {
      const cyd = await new Visitor(site).signUp('cyd')
      await cyd.get(`/chats/${uri}`)
      assert.equal((await cyd.post('/account', { name: 'Paula' })).status, 303)
      await cyd.post(`/chats/${uri}/messages`, { message: 'hello' })
      const gus = new Visitor(site)
      await gus.get(`/chats/${uri}`)
      await gus.post(`/chats/${uri}/guests`, { name: 'Gus' })
      await gus.get('/')
      assert.equal((await gus.post('/account', { name: 'Gustav' })).status, 303)
      const { text } = await ann.get(`/chats/${uri}/members`)
      assert.match(item(text, 'Paula'), /<bdi>@cyd<\/bdi> · /)
      for (const name of ['bob', 'Gustav']) {
        assert.doesNotMatch(item(text, name), /@/)
      }
      const page = (await ann.get(`/chats/${uri}`)).text
      assert.match(page, /<bdi class="message__author" title="@cyd">Paula<\/bdi>/)
      assert.match(page, /<bdi title="@cyd">Paula<\/bdi>/)
      assert.match(page, /<bdi>Gustav<\/bdi>/)
    })

    it('puts a new owner first as well, on the page, in the chat’s header and for programs', async () => {
      const { id } = (await program.call('GET', `/api/chats/${uri}/members/`)).json.members[2]
      assert.equal((await ann.post(`/chats/${uri}/owner`, { user_id: String(id) })).status, 303)
      assert.deepEqual(namesOn((await ann.get(`/chats/${uri}/members`)).text), ['prog', 'ann', 'bob'])
      const header = (await ann.htmx('GET', `/chats/${uri}/members`)).text
      assert.match(header, /<bdi>prog<\/bdi> <span class="people__role">owner[\s\S]*ann[\s\S]*bob/)
      const joined = (await program.join(uri)).json
      assert.deepEqual(
        joined.members.map(({ name }: { name: string }) => name),
        ['prog', 'ann', 'bob'],
      )
    })

    it('marks guests, on the page, in the header and for programs', async () => {
      await site.pool.query(
        `update members set guest = true where name = 'prog' and chat_id = (select chat_id from links where uri = $1)`,
        [uri],
      )
      assert.match(item((await ann.get(`/chats/${uri}/members`)).text, 'prog'), />guest</)
      assert.match((await ann.htmx('GET', `/chats/${uri}/members`)).text, /<bdi>prog<\/bdi> <span[^>]*>guest</)
      const { members } = (await program.call('GET', `/api/chats/${uri}/members/`)).json
      assert.deepEqual(
        members.map(({ guest }: { guest: boolean }) => guest),
        [false, false, true],
      )
    })

    it('says who is here: seen by poll, push or API of late, by whatever process', async () => {
      const other = await openSite({}, site)
      try {
        await forgetAll()
        assert.deepEqual(await here(bob), ['bob'])
        const { version } = (await bob.send('GET', `/api/chats/${uri}/`)).json
        const elsewhere = Object.assign(new Visitor(other), { cookies: ann.cookies })
        assert.equal((await elsewhere.htmx('GET', `/chats/${uri}/messages?after=${version}`)).status, 204)
        // Another process knows it when this one was told to stop, or after 20 s.
        await other.stop()
        assert.deepEqual(await here(bob), ['ann', 'bob'])
        await program.call('GET', `/api/chats/${uri}/messages/?after=${version}`)
        assert.deepEqual(await here(bob), ['ann', 'bob', 'prog'])
        const { members } = (await program.call('GET', `/api/chats/${uri}/members/`)).json
        assert.deepEqual(
          members.map((member: { here: boolean }) => member.here),
          [true, true, true],
        )
      } finally {
        await other.close()
      }
    })

    it('says so no more of who was not seen for 80 s', async () => {
      await forgetAll()
      await site.pool.query(`update members set seen_at = now() - interval '75 seconds' where name = 'ann'`)
      await site.pool.query(`update members set seen_at = now() - interval '81 seconds' where name = 'prog'`)
      assert.deepEqual(await here(bob), ['ann', 'bob'])
    })

    it('goes on from page to page, each member once', async () => {
      await site.pool.query(`
        insert into users (username, folded_username, name, folded_name, password_hash)
          select 'many' || n, 'many' || n, 'many' || n, 'many' || n, 'none' from generate_series(1, 120) n
          on conflict do nothing`)
      await site.pool.query(
        `insert into members (chat_id, user_id, name, folded_name)
           select l.chat_id, u.id, u.name, u.folded_name from links l, users u where l.uri = $1 and u.name like 'many%'`,
        [uri],
      )
      await site.pool.query(
        `update chats set member_count = 123 where id = (select chat_id from links where uri = $1)`,
        [uri],
      )
      const seen: string[] = []
      let path: string | undefined = `/chats/${uri}/members`
      let pages = 0
      while (path) {
        const { text } = await bob.get(path)
        seen.push(...namesOn(text))
        path = /href="([^"]+)">More members/.exec(text)?.[1]?.replace('&amp;', '&')
        pages++
      }
      assert.equal(pages, 3)
      assert.equal(seen.length, 123)
      assert.equal(new Set(seen).size, 123)
      assert.deepEqual(seen.slice(0, 3), ['ann', 'bob', 'prog'])
      for (const limit of [1, 7, 1000]) {
        const listed: string[] = []
        for (let next: string | undefined = `/api/chats/${uri}/members/?limit=${limit}`; next; ) {
          const answer = await program.call('GET', next)
          assert.ok(answer.json.members.length <= limit)
          listed.push(...answer.json.members.map(({ name }: { name: string }) => name))
          next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
        }
        assert.deepEqual(listed, seen, `${limit}`)
      }
    })

    it('is refused where the place or the limit is none, and to who is no member', async () => {
      for (const query of ['after=x', 'after=1', 'limit=0', 'limit=1001', 'limit=x', 'after=1-1&after=2-2']) {
        const page = await bob.get(`/chats/${uri}/members?${query}`)
        assert.equal(page.status, 422, query)
        assertPage(page)
        assertProblem(await program.call('GET', `/api/chats/${uri}/members/?${query}`), 422)
      }
      assert.equal((await stranger.get(`/chats/${uri}/members`)).status, 404)
      assert.equal((await new Visitor(site).get(`/chats/${uri}/members`)).status, 401)
    })

    it('shows tools to the owner alone, who has none against themselves', async () => {
      const own = await ann.get(`/chats/${uri}/members`)
      assert.doesNotMatch(item(own.text, 'ann'), /<button/)
      assert.match(item(own.text, 'bob'), /aria-label="Remove bob"[\s\S]*aria-label="Ban bob"/)
      assert.match(own.text, /href="\/chats\/[\w-]+\/settings"/)
      const other = await bob.get(`/chats/${uri}/members`)
      assert.doesNotMatch(other.text, /aria-label="Remove|\/settings"/)
    })
  })

  describe('leaving', () => {
    it('takes one out of the chat, by a form, by htmx and by the API', async () => {
      const byForm = await bob.post(`/chats/${uri}/members/me/departure`)
      assert.equal(byForm.status, 303)
      assert.equal(byForm.headers.get('location'), '/')
      assert.equal((await program.call('DELETE', `/api/chats/${uri}/members/me/`)).status, 204)
      await bob.get(`/chats/${uri}`)
      const byHtmx = await bob.htmx('POST', `/chats/${uri}/members/me/departure`, {})
      assert.equal(byHtmx.headers.get('hx-redirect'), '/')
      assert.ok(!(await bob.get('/')).text.includes(uri))
      assert.equal((await bob.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 404)
      const { messages } = (await ann.send('GET', `/api/chats/${uri}/messages/?after=3`)).json
      assert.deepEqual(
        messages.map(({ event, user }: { event: string; user: { name: string } }) => `${event} ${user.name}`),
        ['left bob', 'left prog', 'joined bob', 'left bob'],
      )
    })

    it('is refused to an owner who would leave others behind, with what to do, and changes nothing', async () => {
      const before = await stored(site)
      const page = await ann.post(`/chats/${uri}/members/me/departure`)
      assert.equal(page.status, 403)
      assertPage(page)
      assert.match(page.text, /Hand it over to another member before you leave/)
      const fragment = await ann.htmx('POST', `/chats/${uri}/members/me/departure`, {})
      assert.equal(fragment.status, 403)
      assertAlert(fragment)
      const headers = { 'x-csrf-token': ann.csrf }
      assertProblem(await ann.send('DELETE', `/api/chats/${uri}/members/me/`, undefined, headers), 403)
      assert.deepEqual(await stored(site), before)
    })

    it('is open to an owner who is alone, to whom the chat still belongs when they come back', async () => {
      const own = await ann.startChat()
      assert.match((await ann.get(`/chats/${own}/members`)).text, /The chat stays yours when you leave/)
      assert.equal((await ann.post(`/chats/${own}/members/me/departure`)).status, 303)
      assert.ok(!(await ann.get('/')).text.includes(own))
      await bob.get(`/chats/${own}`)
      await ann.get(`/chats/${own}`)
      assert.equal((await ann.get(`/chats/${own}/settings`)).status, 200)
      assert.deepEqual(namesOn((await ann.get(`/chats/${own}/members`)).text), ['ann', 'bob'])
    })

    it('is refused to strangers as everything else is', async () => {
      const before = await stored(site)
      assert.equal((await stranger.post(`/chats/${uri}/members/me/departure`)).status, 404)
      assert.equal((await new Visitor(site).post(`/chats/${uri}/members/me/departure`)).status, 401)
      assert.deepEqual(await stored(site), before)
    })
  })

  describe('removing a member', () => {
    it('is done by a form, by htmx and by the API', async () => {
      const id = await idOf('bob')
      const byForm = await ann.post(`/chats/${uri}/members/${id}/removal`, { ban: 'false' })
      assert.equal(byForm.status, 303)
      assert.equal(byForm.headers.get('location'), `/chats/${uri}/members`)
      assert.equal((await bob.htmx('GET', `/chats/${uri}/messages?after=0`)).status, 404)
      await bob.get(`/chats/${uri}`)
      assert.equal(
        (await ann.htmx('POST', `/chats/${uri}/members/${id}/removal`, {})).headers.get('hx-redirect'),
        `/chats/${uri}/members`,
      )
      await bob.get(`/chats/${uri}`)
      assert.equal((await call(ann, 'DELETE', `/api/chats/${uri}/members/${id}/`)).status, 204)
      assert.equal((await call(ann, 'DELETE', `/api/chats/${uri}/members/${id}/`)).status, 404)
      // Removed is not banned.
      assert.equal((await bob.get(`/chats/${uri}`)).status, 200)
      const { text } = await ann.get(`/chats/${uri}`)
      assert.equal(text.split('was removed').length - 1, 3)
    })

    it('with a ban keeps them out, until it is lifted', async () => {
      const [bobs, programs] = [await idOf('bob'), await idOf('prog')]
      await ann.post(`/chats/${uri}/members/${bobs}/removal`, { ban: 'true' })
      assert.equal((await call(ann, 'DELETE', `/api/chats/${uri}/members/${programs}/?ban=1`)).status, 204)
      const refused = await bob.get(`/chats/${uri}`)
      assert.equal(refused.status, 403)
      assert.match(refused.text, /The owner of this chat has removed you from it for good\./)
      assert.equal((await program.join(uri)).status, 403)

      const page = await ann.get(`/chats/${uri}/bans`)
      assert.deepEqual(namesOn(page.text), ['bob', 'prog'])
      const { bans } = (await ann.send('GET', `/api/chats/${uri}/bans/`)).json
      assert.deepEqual(
        bans.map(({ id, name, email }: { id: number; name: string; email: string }) => [id, name, email]),
        [
          [bobs, 'bob', ''],
          [programs, 'prog', ''],
        ],
      )
      const lifted = await ann.post(`/chats/${uri}/bans/${bobs}/removal`)
      assert.equal(lifted.headers.get('location'), `/chats/${uri}/bans`)
      assert.equal((await call(ann, 'DELETE', `/api/chats/${uri}/bans/${programs}/`)).status, 204)
      assert.equal((await call(ann, 'DELETE', `/api/chats/${uri}/bans/${programs}/`)).status, 404)
      assert.equal((await bob.get(`/chats/${uri}`)).status, 200)
      assert.equal((await program.join(uri)).status, 200)
      assert.match((await ann.get(`/chats/${uri}/bans`)).text, /Nobody is banned/)
    })

    it('is refused for whoever is not there, for oneself, and for what is no id; nothing changes', async () => {
      const before = await stored(site)
      const own = await idOf('ann')
      for (const [id, status] of [
        [String(own), 422],
        ['999999', 404],
        ['0', 404],
        ['-1', 404],
        ['x', 404],
        ['%00', 404],
        ['1.5', 404],
        ['9'.repeat(30), 404],
      ] as const) {
        const page = await ann.post(`/chats/${uri}/members/${id}/removal`, { ban: 'true' })
        assert.equal(page.status, status, id)
        assertPage(page)
        assertProblem(await call(ann, 'DELETE', `/api/chats/${uri}/members/${id}/`), status)
        assertProblem(await call(ann, 'DELETE', `/api/chats/${uri}/bans/${id}/`), 404)
      }
      const id = await idOf('bob')
      assert.equal((await ann.post(`/chats/${uri}/members/${id}/removal`, { ban: 'perhaps' })).status, 422)
      assert.deepEqual(await stored(site), before)
    })

    it('is refused to members with a sentence, and to strangers as what is not there; nothing changes', async () => {
      const before = await stored(site)
      const id = await idOf('prog')
      for (const path of [`/chats/${uri}/members/${id}/removal`, `/chats/${uri}/bans/${id}/removal`]) {
        const page = await bob.post(path)
        assert.equal(page.status, 403)
        assert.match(page.text, /Only the owner of this chat can do this\./)
        const fragment = await bob.htmx('POST', path, {})
        assert.equal(fragment.status, 403)
        assertAlert(fragment)
        assert.equal((await stranger.post(path)).status, 404)
        assert.equal((await new Visitor(site).post(path)).status, 401)
      }
      assertProblem(await call(bob, 'DELETE', `/api/chats/${uri}/members/${id}/`), 403)
      assertProblem(await call(stranger, 'DELETE', `/api/chats/${uri}/members/${id}/`), 404)
      assert.equal((await bob.get(`/chats/${uri}/bans`)).status, 403)
      assert.equal((await stranger.get(`/chats/${uri}/bans`)).status, 404)
      assert.deepEqual(await stored(site), before)
    })
  })

  function call(visitor: Visitor, method: string, path: string) {
    return visitor.send(method, path, undefined, { 'x-csrf-token': visitor.csrf })
  }

  async function idOf(name: string): Promise<number> {
    const { members } = (await ann.send('GET', `/api/chats/${uri}/members/`)).json
    return members.find((member: { name: string }) => member.name === name)?.id
  }

  /** As if nobody had been here for long. */
  async function forgetAll() {
    await site.live.presence.tell()
    await site.pool.query('update members set seen_at = null')
  }

  async function here(visitor: Visitor) {
    const { text } = await visitor.get(`/chats/${uri}/members`)
    return namesOn(text).filter(name => item(text, name).includes('here now'))
  }
})

const items = (html: string) => [...html.matchAll(/<li class="people__item">[\s\S]*?<\/li>/g)].map(([item]) => item)

function namesOn(html: string): string[] {
  return items(html).map(item => /<bdi>(.*?)<\/bdi>/.exec(item)?.[1] ?? '')
}

function item(html: string, name: string): string {
  return items(html).find(item => item.includes(`<bdi>${name}</bdi>`)) ?? ''
}
