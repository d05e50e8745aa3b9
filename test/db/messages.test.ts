import assert from 'node:assert/strict'
import pg from 'pg'
import { LIMITS } from '../../src/config.js'
import { createChat, joinChat } from '../../src/db/chats.js'
import { connect } from '../../src/db/connection.js'
import { type Post, postMessages } from '../../src/db/messages.js'
import { postQueue, QueueFull } from '../../src/db/post-queue.js'
import { createUser, type User } from '../../src/db/users.js'
import { randomKey } from '../../src/keys.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'

describe('postMessages', () => {
  let site: Site
  let ann: User
  let bob: User
  let chat: { id: number; uri: string }
  let other: { id: number; uri: string }

  before(async () => {
    site = await openSite()
    ann = await newUser('ann')
    bob = await newUser('bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    chat = await newChat()
    other = await newChat()
  })

  it('gives each post of a call its own outcome, in the order of the posts', async () => {
    await post([{ text: 'a', key: 'used' }])
    const stranger = await newUser()
    await site.db.updateTable('chats').set({ read_only_at: new Date() }).where('id', '=', other.id).execute()
    const outcomes = await post([
      { text: 'a', key: 'used' },
      { text: 'b', key: 'used' },
      { text: 'one' },
      { text: 'unwelcome', author_id: stranger.id },
      { text: 'nowhere', uri: randomKey(16) },
      { text: 'too late', uri: other.uri },
      { text: 'x'.repeat(2001) },
      { text: 'twice', key: 'new' },
      { text: 'twice', key: 'new' },
      { text: 'thrice', key: 'new' },
      { text: 'used by another', key: 'used', author_id: bob.id },
    ])
    assert.deepEqual(
      outcomes.map(({ outcome, ...more }) => [outcome, 'version' in more ? more.version : null]),
      [
        ['again', 3],
        ['conflict', 3],
        ['posted', 4],
        ['stranger', null],
        ['stranger', null],
        ['read only', null],
        ['refused', null],
        ['posted', 5],
        ['again', 5],
        ['conflict', 5],
        ['posted', 6],
      ],
    )
    assert.deepEqual(await versions(), [1, 2, 3, 4, 5, 6])
  })

  it('moves the chat to its newest message, and only by as many versions as were posted', async () => {
    await post([{ text: 'one' }, { text: 'two' }, { text: '' }])
    const row = await site.db.selectFrom('chats').selectAll().where('id', '=', chat.id).executeTakeFirstOrThrow()
    assert.equal(row.version, 4)
    assert.equal(row.last_message, 4)
  })

  it('stores one message for 50 posts with the same key that wait for the chat together', async () => {
    const hold = await holdChat(chat.id)
    const posts = Array.from({ length: 50 }, () =>
      postMessages(site.db, [fill({ text: 'hi', key: 'one' })], { wait: true }),
    )
    await lockWaiters(15)
    await hold.release()
    const outcomes = (await Promise.all(posts)).flat()
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'posted').length, 1)
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'again').length, 49)
    assert.deepEqual(new Set(outcomes.map(outcome => ('version' in outcome ? outcome.version : null))), new Set([3]))
    assert.deepEqual(await versions(), [1, 2, 3])
  })

  it('refuses a member who was removed while the post waited', async () => {
    const hold = await holdChat(chat.id)
    await hold.client.query('update members set left_at = now() where chat_id = $1 and user_id = $2', [chat.id, bob.id])
    const posted = postMessages(site.db, [fill({ text: 'after', author_id: bob.id })], { wait: true })
    await lockWaiters(1)
    await hold.release()
    assert.deepEqual((await posted)[0]?.outcome, 'stranger')
    assert.deepEqual(await versions(), [1, 2])
  })

  it('finds a chat busy whose row is held, and posts to the others', async () => {
    const hold = await holdChat(chat.id)
    const outcomes = await post([{ text: 'stuck' }, { text: 'free', uri: other.uri }])
    await hold.release()
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['busy', 'posted'],
    )
  })

  it('does not lose an order that the clock would: commits within a chat come in the order of their versions', async () => {
    // Joining takes the same turn as posting: nothing with a higher version can be seen before it.
    const carl = await newUser()
    const hold = await holdChat(chat.id)
    const joined = joinChat(site.db, chat.uri, carl.id)
    await lockWaiters(1)
    const posted = postMessages(site.db, [fill({ text: 'behind' })], { wait: true })
    await lockWaiters(2)
    await hold.release()
    assert.equal((await joined).version, 3)
    const [outcome] = await posted
    assert.ok(outcome && 'version' in outcome && outcome.version === 4)
  })

  describe('the queue', () => {
    it('gathers what arrives while a call is under way', async () => {
      const queue = postQueue(site.db, { waiting: 1000, perCall: 256 })
      const counted = countCalls()
      const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => queue.post(fill({ text: `m${n}` }))))
      counted.stop()
      assert.deepEqual(
        outcomes.map(outcome => 'version' in outcome && outcome.version),
        Array.from({ length: 100 }, (_, n) => n + 3),
      )
      assert.ok(counted.calls <= 3, `${counted.calls} calls`)
    })

    it('posts on in other chats while one is stuck', async () => {
      const queue = postQueue(site.db, { waiting: 1000, perCall: 256 })
      const hold = await holdChat(chat.id)
      const stuck = queue.post(fill({ text: 'stuck' }))
      await lockWaiters(1)
      for (let n = 0; n < 20; n++) {
        const outcome = await queue.post(fill({ text: `free ${n}`, uri: other.uri }))
        assert.equal(outcome.outcome, 'posted')
      }
      await hold.release()
      assert.equal((await stuck).outcome, 'posted')
    })

    it('fails what is stuck for as long as the program waits for locks, and posts on once it is free @long', async () => {
      const { db, pool } = connect(site.address, () => {})
      const queue = postQueue(db, { waiting: 1000, perCall: 256 })
      const hold = await holdChat(chat.id)
      await assert.rejects(queue.post(fill({ text: 'stuck' })), { code: '55P03' })
      await hold.release()
      assert.equal((await queue.post(fill({ text: 'free again' }))).outcome, 'posted')
      await pool.end()
    })

    it('takes a limited number, and goes on once they are done', async () => {
      const queue = postQueue(site.db, { waiting: 5, perCall: 2 })
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => queue.post(fill({ text: `m${n}` }))),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5)
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'fulfilled' || outcome.reason instanceof QueueFull)
      }
      assert.equal((await queue.post(fill({ text: 'later' }))).outcome, 'posted')
    })

    it('fails the posts whose connection was lost, and only those', async () => {
      const queue = postQueue(site.db, { waiting: 1000, perCall: 256 })
      const hold = await holdChat(chat.id)
      const lost = assert.rejects(queue.post(fill({ text: 'lost', key: 'settles it' })))
      const [waiter] = await lockWaiters(1)
      await hold.client.query('select pg_terminate_backend($1)', [waiter])
      await lost
      await hold.release()
      // The pool may hand the broken connection out once more before it hears of its end.
      const again = () => queue.post(fill({ text: 'lost', key: 'settles it' }))
      const outcome = await again().catch(again)
      assert.equal(outcome.outcome, 'posted')
      assert.deepEqual(await versions(), [1, 2, 3])
    })

    it('waits for a chat that was held no longer than it is: its next post goes with those of all others', async () => {
      const queue = postQueue(site.db, { waiting: 1000, perCall: 256 })
      const hold = await holdChat(chat.id)
      const held = Promise.all([queue.post(fill({ text: 'held' })), queue.post(fill({ text: 'held too' }))])
      await lockWaiters(1)
      await hold.release()
      await held
      const statements = await statementsOf(() =>
        Promise.all([queue.post(fill({ text: 'after' })), queue.post(fill({ text: 'beside', uri: other.uri }))]),
      )
      assert.equal(statements.length, 1)
    })
  })

  it('stays within its limits in the database: no route can store another kind of message', async () => {
    const insert = (values: object) =>
      site.db
        .insertInto('events')
        .values({ chat_id: chat.id, version: 99, kind: 'message', author_id: ann.id, text: 'x', ...values } as never)
        .execute()
    await assert.rejects(insert({ text: null }), /check constraint/)
    await assert.rejects(insert({ text: '' }), /check constraint/)
    await assert.rejects(insert({ text: 'x'.repeat(LIMITS.messageCodePoints + 1) }), /check constraint/)
    await assert.rejects(insert({ kind: 'rumour' }), /check constraint/)
    await assert.rejects(insert({ kind: 'joined' }), /check constraint/)
    await assert.rejects(insert({ version: 1 }), /duplicate key/)
    await assert.rejects(insert({ version: 0 }), /check constraint/)
  })

  function fill(post: Partial<Post> & { text: string }): Post {
    return { uri: chat.uri, author_id: ann.id, key: null, reply_to: null, names: [], ...post }
  }

  function post(posts: (Partial<Post> & { text: string })[]) {
    return postMessages(site.db, posts.map(fill), { wait: false })
  }

  async function newUser(username = `user${randomKey(6).replace(/\W/g, '')}`) {
    const user = await createUser(site.db, { username, email: '', password_hash: 'none' })
    assert.ok(user)
    return user
  }

  /** A chat of ann's with bob in it: its version is 2. */
  async function newChat() {
    const uri = randomKey(16)
    const id = await createChat(site.db, { owner_id: ann.id, uri, title: null })
    await joinChat(site.db, uri, bob.id)
    return { id, uri }
  }

  async function versions() {
    const rows = await site.db
      .selectFrom('events')
      .select('version')
      .where('chat_id', '=', chat.id)
      .orderBy('version')
      .execute()
    return rows.map(({ version }) => version)
  }

  /** Takes the chat's row, as somebody in psql might. */
  async function holdChat(id: number) {
    const client = new pg.Client(site.address)
    await client.connect()
    await client.query('begin')
    await client.query('select 1 from chats where id = $1 for update', [id])
    return {
      client,
      async release() {
        await client.query('commit')
        await client.end()
      },
    }
  }

  /** Resolves once so many connections wait for a lock. */
  async function lockWaiters(count: number): Promise<number[]> {
    const client = new pg.Client(site.address)
    await client.connect()
    try {
      for (;;) {
        const { rows } = await client.query(
          `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        if (rows.length >= count) {
          return rows.map(({ pid }) => pid)
        }
      }
    } finally {
      await client.end()
    }
  }

  function countCalls() {
    const counted = { calls: 0, stop: () => site.pool.removeListener('acquire', count) }
    function count() {
      counted.calls++
    }
    site.pool.on('acquire', count)
    return counted
  }
})
