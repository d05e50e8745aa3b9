import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { takeFromRate } from '../../src/db/limits.js'
import { stored } from '../input/rows.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('guests', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
  })
  beforeEach(async () => {
    uri = await ann.startChat()
  })
  after(() => site.close())

  async function enter(name: string, chat = uri): Promise<Visitor> {
    const guest = new Visitor(site)
    await guest.get(`/chats/${chat}`)
    const answer = await guest.post(`/chats/${chat}/guests`, { name })
    assert.equal(answer.status, 303, answer.text)
    assert.equal(answer.headers.get('location'), `/chats/${chat}`)
    await guest.get(`/chats/${chat}`)
    return guest
  }

  it('who were banned stay out with an account that they make in the same browser', async () => {
    const guest = await enter('Mallory')
    const { members } = JSON.parse((await ann.send('GET', `/api/chats/${uri}/members/`, undefined, {})).text)
    const { id } = members.find(({ name }: { name: string }) => name === 'Mallory')
    assert.equal((await ann.post(`/chats/${uri}/members/${id}/removal`, { ban: 'on' })).status, 303)
    await guest.post('/logout')
    await guest.signUp('mallory2')
    const answer = await guest.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
    assert.equal(answer.status, 403)
    assert.match(answer.text, /removed you from it for good/)
    const another = await new Visitor(site).signUp('innocent')
    assert.equal((await another.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })).status, 200)
  })

  it('are in the chat after giving a name, talk there, and are marked wherever they are named', async () => {
    const guest = await enter('Carla  Meyer')
    const posted = await guest.post(`/chats/${uri}/messages`, { message: 'hello from a guest' })
    assert.equal(posted.status, 303)
    const page = await ann.get(`/chats/${uri}`)
    const mark = '<bdi[^>]*>Carla Meyer</bdi> <span class="guest">guest</span>'
    assert.match(page.text, new RegExp(`${mark} joined`))
    assert.match(page.text, new RegExp(`message__who">${mark}`))
    assert.match(page.text, new RegExp(`people__name">${mark}`))
    assert.match((await ann.get('/')).text, /<bdi>Carla Meyer<\/bdi> \(guest\): <bdi>hello from a guest/)
    const list = await ann.send('GET', `/api/chats/${uri}/messages/`, undefined, {})
    assert.deepEqual(
      { guest: list.json.messages[0].user.guest, name: list.json.messages[0].user.name },
      { guest: true, name: 'Carla Meyer' },
    )
  })

  it('cannot start chats', async () => {
    const guest = await enter('carla')
    const start = await guest.get('/')
    assert.doesNotMatch(start.text, /Start Chatting<\/button>/)
    const before = await stored(site)
    assert.equal((await guest.post('/chats')).status, 403)
    const json = await guest.send('POST', '/api/chats/', '{}', {
      'content-type': 'application/json',
      'x-csrf-token': guest.csrf,
    })
    assert.equal(json.status, 403)
    assert.match(json.json.detail, /Keep this account/)
    assert.deepEqual(await stored(site), before)
  })

  it('get the form back where the name is taken in this chat, in whatever case, and leave nothing', async () => {
    await enter('carla')
    for (const name of ['CARLA', 'Ann', 'ａｎｎ']) {
      const visitor = new Visitor(site)
      await visitor.get(`/chats/${uri}`)
      const before = await stored(site)
      const answer = await visitor.post(`/chats/${uri}/guests`, { name })
      assert.equal(answer.status, 422)
      assert.match(answer.text, /Somebody in this chat has that name/)
      assert.match(answer.text, /name="name" type="text" value="(CARLA|Ann|ａｎｎ)"/)
      assert.deepEqual(await stored(site), before)
    }
  })

  it('may be in several chats; where the name is taken in the next it gets a number', async () => {
    const guest = await enter('carla')
    const other = await ann.startChat()
    await enter('carla', other)
    assert.equal((await guest.get(`/chats/${other}`)).status, 200)
    assert.match((await ann.get(`/chats/${other}`)).text, /<bdi>carla \(2\)<\/bdi>/)
  })

  it('give way to an account of that name: they are renamed, at once for all who read', async () => {
    const guest = await enter('bob')
    await guest.post(`/chats/${uri}/messages`, { message: 'said as bob' })
    const reading = await ann.get(`/chats/${uri}`)
    assert.match(reading.text, /message__author">bob</)
    const bob = await signUpProgram(site, 'bob')
    await bob.join(uri)
    const page = await ann.get(`/chats/${uri}`)
    assert.match(page.text, /message__author">bob \(guest\)</)
    assert.match(page.text, /bob \(guest\)<\/bdi> <span class="guest">guest<\/span> has a new name/)
    await bob.post(uri, 'said as the account')
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/`)
    assert.deepEqual(
      json.messages.map(({ user }: { user: { name: string; guest: boolean } }) => [user.name, user.guest]),
      [
        ['bob (guest)', true],
        ['bob', false],
      ],
    )
  })

  it('are kept out where the owner takes none', async () => {
    await site.db.updateTable('chats').set({ guests_off_at: new Date() }).execute()
    const visitor = new Visitor(site)
    assert.doesNotMatch((await visitor.get(`/chats/${uri}`)).text, /Your name/)
    await visitor.get('/login')
    const before = await stored(site)
    const answer = await visitor.post(`/chats/${uri}/guests`, { name: 'carla' })
    assert.equal(answer.status, 403)
    assert.match(answer.text, /takes no guests/)
    assert.deepEqual(await stored(site), before)
  })

  it('come by the API too, with what their session needs to go on', async () => {
    const guest = new Visitor(site)
    const json = { 'content-type': 'application/json' }
    const entered = await guest.send('POST', `/api/chats/${uri}/guests/`, JSON.stringify({ name: 'carla' }), json)
    assert.equal(entered.status, 201)
    assert.equal(entered.json.user.name, 'carla')
    const headers = { ...json, 'x-csrf-token': entered.json.csrf }
    const posted = await guest.send('POST', `/api/chats/${uri}/messages/`, JSON.stringify({ message: 'hi' }), headers)
    assert.equal(posted.status, 201)
    const forged = await guest.send('POST', `/api/chats/${uri}/messages/`, JSON.stringify({ message: 'hi' }), json)
    assert.equal(forged.status, 403)
  })

  it('are refused in every form for a name that will not do, with nothing stored', async () => {
    for (const name of ['', '  ', '<b>bold</b>', 'admin', 'a'.repeat(51), 'carla (guest)', 'аnn', 'x\u202ey']) {
      const visitor = new Visitor(site)
      await visitor.get(`/chats/${uri}`)
      const before = await stored(site)
      const page = await visitor.post(`/chats/${uri}/guests`, { name })
      assert.equal(page.status, 422, name)
      assert.match(page.text, /field__error/)
      assert.doesNotMatch(page.text, /<b>bold/)
      const json = await new Program(site).call('POST', `/api/chats/${uri}/guests/`, { name })
      assert.equal(json.status, 422)
      assert.ok(json.json.errors.name.length > 0)
      const fragment = await visitor.htmx('POST', `/chats/${uri}/guests`, { name })
      assert.equal(fragment.status, 422)
      assert.deepEqual(await stored(site), before)
    }
  })

  it('are limited by address', async () => {
    const limited = await openSite({ LIMITS: 'on' })
    try {
      const owner = await new Visitor(limited).signUp('ann')
      const chat = await owner.startChat()
      for (let n = 2; n < LIMITS.guests.burst; n++) {
        await takeFromRate(limited.db, 'guest address', '127.0.0.1', LIMITS.guests)
      }
      const come = (name: string) => new Program(limited).call('POST', `/api/chats/${chat}/guests/`, { name })
      assert.equal((await come('gus')).status, 201)
      assert.equal((await come('guy')).status, 201)
      const refused = await come('gil')
      assert.equal(refused.status, 429)
      assert.match(refused.json.detail, /^Many guests have come from your address/)
    } finally {
      await limited.close()
    }
  })
})
