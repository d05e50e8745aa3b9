import assert from 'node:assert/strict'
import { type Chat, findChat } from '../../src/db/chats.js'
import { eventsAfter } from '../../src/db/events.js'
import type { Follower } from '../../src/live/delivery.js'
import type { Feed } from '../../src/live/feed.js'
import { Feeds } from '../../src/live/feeds.js'
import { Identities } from '../../src/live/identities.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { fillChat } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** Longer than the slowest poll of a page takes to come again, in milliseconds. */
const UNUSED = 46_000

const MIB = 1024 * 1024

describe('what is kept in memory', () => {
  let site: Site
  let ann: Program
  let ann_id: number
  let feeds: Feeds

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    ann_id = (await ann.call('GET', '/api/account/')).json.id
  })
  after(() => site.close())
  beforeEach(() => {
    feeds = new Feeds(site.db, () => ({ json: () => '', html: () => '' }), {
      mayDeliver: () => true,
      saw() {},
      moved() {},
      onFailure: assert.ifError,
      delivered() {},
    })
  })

  describe('of a chat', () => {
    it('is its last 300 events: what comes before is read from the database, and kept no longer', async () => {
      const { feed } = await grown(400)
      assert.ok(await isKept(feed, 300))
      // What goes out with the next batch is still there until then.
      await until(async () => !(await isKept(feed, 301)))
      assert.ok(!(await isKept(feed, 301)))
      assert.equal((await feed.after(feed.version - 301))[0]?.version, feed.version - 300)
    })

    it('is 2 MiB of them at most', async () => {
      const { feed } = await grown(300, 'x'.repeat(1990))
      // What goes out with the next batch is still there until then.
      await until(() => feed.bytes <= 2 * MIB)
      assert.ok(feed.bytes > MIB, String(feed.bytes))
      assert.ok(await isKept(feed, 100))
      assert.ok(!(await isKept(feed, 200)))
    })

    it('is the end of its list, which grows no longer than that', async () => {
      const { feed, uri } = await grown(10)
      feed.keepNewest(await eventsAfter(site.db, feed.chat_id, 0, 100), false, feed.version)
      assert.equal(feed.newest(5)?.entries.length, 5)
      await fillChat(site, uri, 400)
      await feed.refresh()
      await feed.catchUp((await chatOf(uri)).version)
      assert.equal(feed.newest(299)?.entries.length, 299)
      assert.equal(feed.newest(301), undefined)
    })
  })

  describe('of many chats', () => {
    it('goes once nobody has read one for a while, and stays where somebody does', async () => {
      const [unused, polled, streamed] = [await newFeed(), await newFeed(), await newFeed()]
      const follower: Follower = {
        user_id: ann_id,
        prepare() {},
        deliver() {},
        deliverTyping() {},
        end() {},
        drop() {},
      }
      await streamed.follow(follower, streamed.version, async () => {})
      for (const feed of [unused, streamed]) {
        feed.usedAt -= UNUSED
      }
      assert.deepEqual(idsOf(feeds.versions()), idsOf([polled, streamed]))
      assert.ok(unused.isClosed && !polled.isClosed && !streamed.isClosed)
      for (const uri of unused.uris) {
        assert.equal(feeds.cached(uri, ann_id), undefined)
      }
      streamed.unfollow(follower)
      assert.deepEqual(idsOf(feeds.versions()), idsOf([polled]))
    })

    it('is 128 MiB of events at most: those that were unused longest give theirs up, and stay', async () => {
      const { feed: source } = await grown(300, 'x'.repeat(1990))
      const events = await eventsAfter(site.db, source.chat_id, 1, 300)
      const chat = await chatOf([...source.uris][0] ?? '')
      const all: Feed[] = []
      const now = performance.now()
      for (let n = 1; n <= 40; n++) {
        const feed = await learnt({ ...chat, id: -n, uri: `made-up-${n}` })
        feed.keepNewest(events, false, feed.version)
        // The first of them was used last, however long it takes to make the others.
        feed.usedAt = now - n
        all.push(feed)
      }
      assert.ok(bytesOf(all) > 128 * MIB)
      assert.equal(feeds.versions().length, 41)
      assert.ok(bytesOf([source, ...all]) <= 128 * MIB)
      assert.ok(bytesOf([source, ...all]) > 120 * MIB)
      assert.equal(all[39]?.bytes, 0)
      assert.notEqual(all[0]?.bytes, 0)
    })

    it('is of 10,000 chats at most: for one more, the one that was unused longest goes', async () => {
      const chat = await chatOf(await ann.startChat())
      const first = await learnt({ ...chat, id: -1, uri: 'made-up-1' })
      first.usedAt -= 1
      for (let n = 2; n <= 10_001; n++) {
        await learnt({ ...chat, id: -n, uri: `made-up-${n}` })
      }
      assert.ok(first.isClosed)
      assert.equal(feeds.versions().length, 10_000)
    })
  })

  it('of who somebody is goes once they have not been here for a while', async () => {
    const identities = new Identities(site.db)
    const bob = await signUpProgram(site, 'bob')
    const [unused, used] = [ann, bob].map(({ token }) => ({ kind: 'token' as const, key: token ?? '' }))
    assert.ok(unused && used && (await identities.find(unused)) && (await identities.find(used)))
    assert.equal(identities.versions().length, 2)
    const cached = identities.cached(unused) as unknown as { usedAt: number }
    cached.usedAt -= UNUSED
    assert.equal(identities.versions().length, 1)
    assert.equal(identities.cached(unused), undefined)
    assert.ok(identities.cached(used))
  })

  /** Whether so many of the last events are given without a look into the database. */
  async function isKept(feed: Feed, events: number): Promise<boolean> {
    return (await statementsOf(() => feed.after(feed.version - events))).length === 0
  }

  /** The feed of a new chat, which has seen so many messages come. */
  async function grown(messages: number, text?: string) {
    const feed = await newFeed()
    const [uri = ''] = feed.uris
    await fillChat(site, uri, messages, text)
    await feed.catchUp((await chatOf(uri)).version)
    return { feed, uri }
  }

  async function newFeed(): Promise<Feed> {
    return learnt(await chatOf(await ann.startChat()))
  }

  async function learnt(chat: Chat): Promise<Feed> {
    const reading = await feeds.learn(chat, ann_id, performance.now())
    assert.ok(reading)
    return reading.feed
  }

  async function chatOf(uri: string): Promise<Chat> {
    const chat = await findChat(site.db, uri, ann_id)
    assert.ok(chat)
    return chat
  }
})

function idsOf(known: readonly ({ id: number } | { chat_id: number })[]): number[] {
  return known.map(one => ('id' in one ? one.id : one.chat_id)).sort()
}

function bytesOf(feeds: readonly Feed[]): number {
  return feeds.reduce((sum, { bytes }) => sum + bytes, 0)
}
