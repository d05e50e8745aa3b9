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
    await guest.signUpByForm('mallory2')
    const answer = await guest.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
    assert.equal(answer.status, 403)
    assert.match(answer.text, /removed you from it for good/)
    const another = await new Visitor(site).signUpByForm('innocent')
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

  it('start a chat by a name alone, and own it', async () => {
    const guest = new Visitor(site)
    assert.match((await guest.get('/')).text, /<form[^>]*action="\/guests">/)
    const answer = await guest.post('/guests', { name: 'Carla  Meyer' })
    assert.equal(answer.status, 303, answer.text)
    const path = answer.headers.get('location') ?? ''
    const page = await guest.get(path)
    assert.equal(page.status, 200)
    assert.match(page.text, /<bdi>Carla Meyer<\/bdi> <span class="guest">guest<\/span> joined/)
    assert.equal((await guest.get(`${path}/settings`)).status, 200)
    assert.equal((await guest.post(`${path}/settings`, { title: 'Plans' })).status, 303)
    assert.match(
      (await new Visitor(site).get(path)).text,
      /Carla Meyer<\/bdi> <span class="guest">guest<\/span> invites you/,
    )
    const owner = (await guest.send('GET', `/api${path}/`, undefined, {})).json.owner
    assert.deepEqual([owner.name, owner.guest], ['Carla Meyer', true])
  })

  it('start more chats, by the page and the API; a visitor does by neither', async () => {
    const guest = await enter('carla')
    assert.match((await guest.get('/')).text, /Start Chatting<\/button>/)
    assert.equal((await guest.get(`/chats/${await guest.startChat()}/settings`)).status, 200)
    const json = { 'content-type': 'application/json' }
    const made = await guest.send('POST', '/api/chats/', '{}', { ...json, 'x-csrf-token': guest.csrf })
    assert.equal(made.status, 201)
    assert.equal(made.json.owner.guest, true)
    const before = await stored(site)
    assert.equal((await new Visitor(site).send('POST', '/api/chats/', '{}', json)).status, 401)
    assert.deepEqual(await stored(site), before)
  })

  it('start a chat by the API too, and go on by the token that it answers', async () => {
    for (const path of ['/api/guests/', '/guests']) {
      const guest = new Visitor(site)
      const json = { 'content-type': 'application/json', accept: 'application/json' }
      const made = await guest.send('POST', path, JSON.stringify({ name: 'carla' }), json)
      assert.equal(made.status, 201, made.text)
      assert.deepEqual(Object.keys(made.json), ['status', 'uri', 'user', 'csrf'])
      assert.deepEqual([made.json.user.name, made.json.user.guest], ['carla', true])
      const headers = { ...json, 'x-csrf-token': made.json.csrf }
      const body = JSON.stringify({ message: 'hi' })
      assert.equal((await guest.send('POST', `/api/chats/${made.json.uri}/messages/`, body, headers)).status, 201)
    }
  })

  it('start a chat as who they are, where they are somebody already', async () => {
    const { headers } = await ann.post('/guests', { name: 'carla' })
    const { json } = await ann.send('GET', `/api${headers.get('location')}/`, undefined, {})
    assert.equal(json.owner.name, 'ann')
    const program = await signUpProgram(site, 'prog')
    const made = await program.call('POST', '/api/guests/', { name: 'carla' })
    assert.deepEqual([made.status, made.json.user.name], [201, 'prog'])
  })

  it('get the start page back with what is wrong with the name, and nothing is stored', async () => {
    for (const name of ['', 'admin', '<b>bold</b>', 'a'.repeat(51)]) {
      const visitor = new Visitor(site)
      await visitor.get('/')
      const before = await stored(site)
      const page = await visitor.post('/guests', { name })
      assert.equal(page.status, 422, name)
      assert.match(page.text, /id="start-name-notes">\s*<p class="field__error">/)
      assert.doesNotMatch(page.text, /<b>bold/)
      assert.equal((await visitor.htmx('POST', '/guests', { name })).status, 422)
      const json = await new Program(site).call('POST', '/api/guests/', { name })
      assert.deepEqual([json.status, json.json.errors.name.length > 0], [422, true])
      assert.deepEqual(await stored(site), before)
    }
  })

  it('are told where the browser keeps no cookies, which no reload mends', async () => {
    for (const path of ['/guests', `/chats/${uri}/guests`, '/signup', '/login']) {
      const visitor = new Visitor(site)
      await visitor.get('/')
      for (const send of [() => visitor.post(path), () => visitor.htmx('POST', path, {})]) {
        visitor.cookies.clear()
        const answer = await send()
        assert.equal(answer.status, 403)
        assert.match(answer.text, /Allow cookies for this site/)
      }
    }
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

  it('start chats 20 at once from an address, and 20 an hour', async () => {
    const limited = await openSite({ LIMITS: 'on', TRUST_PROXY: '1' })
    try {
      const start = (address: string) =>
        new Program(limited).call('POST', '/api/guests/', { name: 'carla' }, { 'x-forwarded-for': address })
      for (let n = 0; n < LIMITS.startingGuests.burst; n++) {
        assert.equal((await start(`2001:db8:1:1::${n}`)).status, 201)
      }
      const refused = await start('2001:db8:1:1:ffff::1')
      assert.equal(refused.status, 429)
      assert.ok(Math.abs(Number(refused.headers.get('retry-after')) - 3600 / 20) < 60)
      assert.equal((await start('2001:db8:1:2::1')).status, 201, 'the /64 beside it')
      assert.equal((await start('192.0.2.1')).status, 201)
    } finally {
      await limited.close()
    }
  })

  it('start 5 chats at once, and 10 a day, the first one counted', async () => {
    const limited = await openSite({ LIMITS: 'on' })
    try {
      const guest = new Visitor(limited)
      await guest.get('/')
      await guest.post('/guests', { name: 'carla' })
      await guest.get('/')
      for (let n = 1; n < LIMITS.guestChats.burst; n++) {
        await guest.startChat()
      }
      const refused = await guest.post('/chats')
      assert.equal(refused.status, 429)
      assert.match(refused.text, /Guests can start a few chats a day/)
      assert.ok(Math.abs(Number(refused.headers.get('retry-after')) - 86_400 / 10) < 600)
    } finally {
      await limited.close()
    }
  })
})
