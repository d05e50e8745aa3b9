import assert from 'node:assert/strict'
import { joinChat } from '../../src/db/chats.js'
import { deleteMessage } from '../../src/db/messages.js'
import { markRead, standingOf } from '../../src/db/reads.js'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('how far members have read', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let uri: string
  let chat_id: number
  let bob_id: number
  const bobs = () => ({ chat_id, user_id: bob_id })
  const standing = () => standingOf(site.db, bobs()).executeTakeFirst()

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    const { rows } = await site.pool.query(`select id from users where username = 'bob'`)
    bob_id = rows[0].id
  })
  after(() => site.close())

  // Versions: 1 ann joined, 2 to 4 what she said before, 5 bob joined.
  beforeEach(async () => {
    uri = await ann.startChat()
    for (const text of ['one', 'two', 'three']) {
      await ann.post(uri, text)
    }
    await bob.join(uri)
    const { rows } = await site.pool.query('select chat_id from links where uri = $1', [uri])
    chat_id = rows[0].chat_id
  })

  it('begins where one joins: what was said before is not unread', async () => {
    assert.deepEqual(await standing(), { last_read: 5, unread: 0, mentioned: 0, first_unread: null })
  })

  it('counts messages of others after it, not one’s own, not those that were deleted, and no small events', async () => {
    await bob.post(uri, 'own')
    const { json } = await ann.post(uri, 'taken back')
    await ann.post(uri, 'kept')
    const carl = await signUpProgram(site, `carl${chat_id}`)
    await carl.join(uri)
    assert.deepEqual(await standing(), { last_read: 5, unread: 2, mentioned: 0, first_unread: 7 })
    const { rows } = await site.pool.query(`select id from users where username = 'ann'`)
    await deleteMessage(site.db, { chat_id, deleter_id: rows[0].id, id: json.id })
    assert.deepEqual(await standing(), { last_read: 5, unread: 1, mentioned: 0, first_unread: 8 })
  })

  it('counts those that name one apart', async () => {
    const { json } = await ann.post(uri, 'you')
    await site.pool.query('insert into mentions (user_id, chat_id, version) values ($1, $2, $3)', [
      bob_id,
      chat_id,
      json.id,
    ])
    assert.deepEqual(await standing(), { last_read: 5, unread: 1, mentioned: 1, first_unread: 6 })
    await markRead(site.db, bobs(), 6)
    assert.deepEqual(await standing(), { last_read: 6, unread: 0, mentioned: 0, first_unread: null })
  })

  it('moves forward only, however many say so at once, and not beyond the chat', async () => {
    for (let n = 0; n < 20; n++) {
      await ann.post(uri, `more ${n}`)
    }
    const said = await Promise.all([7, 21, 3, 15, 20, 6, 19].map(version => markRead(site.db, bobs(), version)))
    assert.equal(Math.max(...said.map(Number)), 21)
    assert.equal((await standing())?.last_read, 21)
    assert.equal(await markRead(site.db, bobs(), 8), 21)
    assert.equal(await markRead(site.db, bobs(), 999), 25)
    assert.equal((await standing())?.unread, 0)
  })

  it('counts to a hundred', async () => {
    await site.pool.query(
      `with chat as (select id, version, owner_id from chats where id = $1),
       grown as (
         insert into events (chat_id, version, kind, author_id, text)
         select id, version + n, 'message', owner_id, 'message ' || n from chat, generate_series(1, 300) n
       )
       update chats c set version = c.version + 300, last_message = c.version + 300 from chat where c.id = chat.id`,
      [chat_id],
    )
    assert.deepEqual(await standing(), { last_read: 5, unread: 100, mentioned: 0, first_unread: 6 })
  })

  it('is nothing for who is no member, and begins anew where one comes back', async () => {
    await ann.post(uri, 'before they go')
    await removeMember(site, uri, 'bob')
    assert.equal(await standing(), undefined)
    assert.equal(await markRead(site.db, bobs(), 7), undefined)
    await ann.post(uri, 'while they are away')
    await joinChat(site.db, uri, bob_id)
    assert.equal((await standing())?.unread, 0)
  })
  it('is not counted as naming one any more once the message is deleted, by its author or by the chat’s owner', async () => {
    const carl = await signUpProgram(site, `carla${chat_id}`)
    await carl.join(uri)
    const owner_id = (await ann.call('GET', '/api/account/')).json.id
    const author_id = (await carl.call('GET', '/api/account/')).json.id
    for (const deleter_id of [author_id, owner_id]) {
      const { json } = await carl.post(uri, '@bob, look')
      assert.equal((await standing())?.mentioned, 1)
      await deleteMessage(site.db, { chat_id, deleter_id, id: json.id })
      assert.deepEqual(await standing(), { last_read: 5, unread: 0, mentioned: 0, first_unread: null })
    }
  })
})
