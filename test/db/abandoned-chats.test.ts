import assert from 'node:assert/strict'
import { keptUntil } from '../../src/db/abandoned-chats.js'
import { createChat, joinChat } from '../../src/db/chats.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { postMessages } from '../../src/db/messages.js'
import { handOver } from '../../src/db/owners.js'
import { createSession } from '../../src/db/sessions.js'
import { createUser, deleteUser, settleUser } from '../../src/db/users.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'

describe('a chat that nobody needs', () => {
  let site: Site
  let gus: number
  let ann: number
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())
  beforeEach(async () => {
    gus = await newGuest()
    ann = await newAccount()
  })

  it('goes a day after a guest has started it, where nobody writes or comes, and not before', async () => {
    const chat = await started(gus)
    await age(chat, '23 hours')
    assert.equal(await isThere(chat), true)
    await age(chat, '25 hours')
    assert.equal(await isThere(chat), false)
  })

  it('stays where it has a message, a second member, or an account that started it', async () => {
    const [spoken, joined, theirs] = [await started(gus), await started(gus), await started(ann)]
    await post(spoken, gus)
    await joinChat(site.db, joined.uri, await newGuest())
    for (const chat of [spoken, joined, theirs]) {
      await age(chat, '25 hours')
      assert.equal(await isThere(chat), true)
    }
  })

  it('stays where a message comes at the moment at which it would go', async () => {
    const chat = await started(gus)
    await age(chat, '25 hours')
    const holder = await site.pool.connect()
    await holder.query('begin')
    await holder.query('select 1 from chats where id = $1 for no key update', [chat.id])
    // The sweep goes by what is locked.
    assert.equal(await isThere(chat), true)
    const posted = post(chat, gus)
    await waiting(site, 1)
    await holder.query('commit')
    holder.release()
    await posted
    assert.equal(await isThere(chat), true)
  })

  it('goes where no account is in it and nobody has opened it for 180 days, and not before', async () => {
    const chat = await started(gus)
    await post(chat, gus)
    await joinChat(site.db, chat.uri, await newGuest())
    await age(chat, '400 days')
    await opened(chat, '179 days')
    assert.equal(await isThere(chat), true)
    await opened(chat, '181 days')
    assert.equal(await isThere(chat), false)
  })

  it('stays while an account is in it, also where a guest owns it', async () => {
    const [joined, handed] = [await started(gus), await started(ann)]
    await joinChat(site.db, joined.uri, ann)
    await joinChat(site.db, handed.uri, gus)
    assert.equal((await handOver(site.db, { chat_id: handed.id, user_id: ann }, gus)).outcome, 'done')
    for (const chat of [joined, handed]) {
      await post(chat, gus)
      await age(chat, '400 days')
      await opened(chat, '300 days')
      assert.equal(await isThere(chat), true)
      await site.pool.query('update members set left_at = now() where chat_id = $1 and user_id = $2', [chat.id, ann])
      assert.equal(await isThere(chat), false)
    }
  })

  it('goes 180 days after the last account was deleted from it', async () => {
    const chat = await started(ann)
    await post(chat, ann)
    await deleteUser(site.db, { id: ann, password_hash: 'x' })
    await settleUser(site.db, ann, () => {})
    await age(chat, '100 days')
    await opened(chat, '100 days')
    assert.equal(await isThere(chat), true)
    await age(chat, '400 days')
    await opened(chat, '181 days')
    assert.equal(await isThere(chat), false)
  })

  it('says until when it is kept; one with an account does not', async () => {
    const days = async (chat: { id: number }) => {
      const { rows } = await site.pool.query('select id, accountless from chats where id = $1', [chat.id])
      const kept = await keptUntil(site.db, rows[0])
      return kept && [Math.round((kept.until.getTime() - Date.now()) / 86_400_000), kept.unused]
    }
    const chat = await started(gus)
    assert.deepEqual(await days(chat), [1, true])
    await post(chat, gus)
    assert.deepEqual(await days(chat), [180, false])
    await joinChat(site.db, chat.uri, ann)
    assert.equal(await days(chat), null)
    assert.equal(await days(await started(ann)), null)
  })

  interface Started {
    id: number
    uri: string
  }

  async function started(owner_id: number): Promise<Started> {
    const uri = randomKey(16)
    return { id: await createChat(site.db, { owner_id, uri, title: null }), uri }
  }

  function post({ uri }: Started, author_id: number) {
    const message = { uri, author_id, text: 'hello', key: null, reply_to: null, names: [] }
    return postMessages(site.db, [message], { wait: true })
  }

  /** All that has happened in it is so old. */
  async function age({ id }: Started, how: string) {
    await site.pool.query(
      `update chats set created_at = now() - $2::interval, last_posted_at = now() - $2::interval where id = $1`,
      [id, how],
    )
  }

  async function opened({ id }: Started, how: string) {
    await site.pool.query(
      `update members set joined_at = now() - interval '500 days', seen_at = now() - $2::interval where chat_id = $1`,
      [id, how],
    )
  }

  async function isThere({ uri }: Started): Promise<boolean> {
    await deleteExpired(site.db)
    return (await site.pool.query('select 1 from links where uri = $1', [uri])).rows.length > 0
  }

  async function newGuest(): Promise<number> {
    const name = `guest${++count}`
    const { id } = await site.db
      .insertInto('users')
      .values({ kind: 'guest', username: name, name, folded_name: name })
      .returning('id')
      .executeTakeFirstOrThrow()
    await createSession(site.db, keyHash(randomKey()), { id, password_hash: null }, '')
    return id
  }

  async function newAccount(): Promise<number> {
    const user = await createUser(site.db, { username: `ann${++count}`, email: '', password_hash: 'x' })
    assert.ok(user)
    return user.id
  }
})
