import assert from 'node:assert/strict'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, signUpProgram, Visitor } from '../support/visitor.js'

describe('a chat that a guest owns', () => {
  let site: Site
  let gus: Visitor & { id: number }
  let uri: string
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())
  beforeEach(async () => {
    gus = await guest(site, 'Gus')
    uri = await gus.startChat()
    await gus.post(`/chats/${uri}/settings`, { title: 'Plans <b>', guests: 'on' })
  })

  async function account() {
    return new Visitor(site).signUp(`bob${++count}`)
  }

  async function join(visitor: Visitor, chat = uri) {
    await visitor.get(`/chats/${chat}`, { 'sec-fetch-dest': 'document' })
  }

  it('has all that belongs to an owner', async () => {
    const bob = await account()
    await join(bob)
    const message = (await bob.send('POST', `/chats/${uri}/messages`, json({ message: 'spam' }), withToken(bob))).json
      .id
    assert.equal((await gus.post(`/chats/${uri}/messages/${message}/deletion`)).status, 303)
    const members = (await gus.send('GET', `/api/chats/${uri}/members/`, undefined, {})).json.members
    assert.deepEqual(
      members.map(({ owner, guest }: { owner: boolean; guest: boolean }) => [owner, guest]),
      [
        [true, true],
        [false, false],
      ],
    )
    const { id } = members[1]
    assert.equal((await gus.post(`/chats/${uri}/members/${id}/removal`, { ban: 'true' })).status, 303)
    assert.equal((await gus.get(`/chats/${uri}/bans`)).status, 200)
    assert.equal((await gus.post(`/chats/${uri}/bans/${id}/removal`)).status, 303)
    assert.equal((await gus.post(`/chats/${uri}/link`, { expires_in: '' })).status, 303)
    assert.equal((await gus.post(`/chats/${uri}/deletion`, { name: 'Plans <b>' })).status, 303)
    assert.equal((await gus.get(`/chats/${uri}`)).status, 404)
  })

  it('says until when it is kept, in its details and beside its members, until an account is in it', async () => {
    const kept = async (words: string) => {
      const shown = new RegExp(`Kept until <time data-when datetime="[^"]+">[^<]+</time> unless somebody ${words}`)
      for (const path of [`/chats/${uri}`, `/chats/${uri}/members`]) {
        assert.match((await gus.get(path)).text, shown)
      }
      assert.match((await gus.htmx('GET', `/chats/${uri}/members`)).text, shown)
    }
    await kept('joins or writes')
    await gus.post(`/chats/${uri}/messages`, { message: 'hello' })
    await kept('opens it')
    await join(await account())
    assert.doesNotMatch((await gus.get(`/chats/${uri}`)).text, /Kept until/)
  })

  it('is handed to any member, guests too, but not to one who is gone', async () => {
    const [gone, eve] = [await guest(site, 'Gone'), await guest(site, 'Eve')]
    await join(gone)
    await join(eve)
    await gone.post('/logout')
    const settings = await gus.get(`/chats/${uri}/settings`)
    assert.match(settings.text, new RegExp(`<option value="${eve.id}">Eve \\(guest\\)</option>`))
    assert.doesNotMatch(settings.text, /<option[^>]*>Gone/)
    const refused = await gus.post(`/chats/${uri}/owner`, { user_id: String(gone.id) })
    assert.equal(refused.status, 422)
    assert.match(refused.text, /This guest is gone/)
    assert.equal((await gus.post(`/chats/${uri}/owner`, { user_id: String(eve.id) })).status, 303)
    assert.equal((await eve.get(`/chats/${uri}/settings`)).status, 200)
    assert.equal((await gus.get(`/chats/${uri}/settings`)).status, 403)
  })

  it('goes to another when the guest signs out, who is told before, and those who read it at once', async () => {
    const bob = await account()
    await join(bob)
    const alone = await gus.startChat()
    const page = await gus.get('/logout')
    assert.match(page.text, new RegExp(`<bdi>Plans &lt;b&gt;</bdi></p><p[^>]*>to <bdi>bob${count}</bdi></p>`))
    assert.equal(page.text.split('class="keys__item"').length, 2, 'the one that nobody else is in is not named')
    const { version } = (await bob.send('GET', `/api/chats/${uri}/`, undefined, {})).json
    await gus.post('/logout')
    const news = await bob.htmx('GET', `/chats/${uri}/messages?after=${version}`)
    assert.match(news.text, new RegExp(`<bdi>bob${count}</bdi> is the owner now`))
    assert.equal((await bob.get(`/chats/${uri}/settings`)).status, 200)
    await join(bob, alone)
    assert.equal((await bob.get(`/chats/${alone}/settings`)).status, 200)
  })

  it('goes to another when the guest ends their session or deletes themselves', async () => {
    const ends = [
      async () => {
        const { sessions } = (await gus.send('GET', '/api/account/sessions/', undefined, {})).json
        return gus.post(`/account/sessions/${sessions[0].id}/end`)
      },
      () => gus.post('/account/delete', { sure: 'on' }),
    ]
    for (const end of ends) {
      gus = await guest(site, 'Gus')
      uri = await gus.startChat()
      const bob = await account()
      await join(bob)
      assert.equal((await end()).status, 303)
      assert.equal((await bob.get(`/chats/${uri}/settings`)).status, 200)
    }
  })

  it('goes along when the guest signs in, with the other chats where they are', async () => {
    const bob = await account()
    const theirs = await bob.startChat()
    await join(gus, theirs)
    await join(bob)
    const username = `carla${++count}`
    await signUpProgram(site, username)
    await gus.get('/login')
    assert.equal((await gus.post('/login', { username, password: PASSWORD })).status, 303)
    await gus.get('/')
    assert.equal((await gus.get(`/chats/${uri}/settings`)).status, 200)
    for (const chat of [uri, theirs]) {
      const { json } = await bob.send('GET', `/api/chats/${chat}/members/`, undefined, {})
      const names = json.members.map(({ name }: { name: string }) => name)
      assert.deepEqual(names.sort(), [`bob${count - 1}`, username])
    }
  })

  it('goes along when the guest signs up, with what they have said', async () => {
    const bob = await account()
    await join(bob)
    await gus.post(`/chats/${uri}/messages`, { message: 'said as a guest' })
    const username = `carla${++count}`
    const page = await gus.get('/signup')
    assert.equal((await gus.post('/signup', { username, password: PASSWORD })).status, 303, page.text)
    await gus.get('/')
    assert.equal((await gus.get(`/chats/${uri}/settings`)).status, 200)
    const { json } = await gus.send('GET', `/api/chats/${uri}/messages/`, undefined, {})
    assert.deepEqual([json.messages[0].user.username, json.messages[0].user.guest], [username, false])
  })

  it('is the guest’s for as long as they come: their session and its cookie last', async () => {
    await site.pool.query(
      `update sessions set created_at = now() - interval '400 days', last_used_at = now() - interval '29 days' where user_id = $1`,
      [gus.id],
    )
    const beside = await openSite({}, site)
    const later = new Visitor(beside)
    later.cookies.set('sid', gus.cookies.get('sid') ?? '')
    const page = await later.get(`/chats/${uri}`)
    assert.equal(page.status, 200)
    const cookie = page.headers.getSetCookie().find(line => line.startsWith('sid='))
    assert.match(cookie ?? '', new RegExp(`^sid=${gus.cookies.get('sid')}; path=/; expires=.*; samesite=lax; httponly`))
    assert.ok(Date.parse(/expires=([^;]*)/.exec(cookie ?? '')?.[1] ?? '') > Date.now() + 170 * 86_400_000)
    await beside.close()
  })

  const json = (fields: object) => JSON.stringify(fields)
  const withToken = ({ csrf }: Visitor) => ({
    'content-type': 'application/json',
    accept: 'application/json',
    'x-csrf-token': csrf,
  })
})
