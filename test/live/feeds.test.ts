import assert from 'node:assert/strict'
import { findChat } from '../../src/db/chats.js'
import { eventsAfter } from '../../src/db/events.js'
import type { Batch } from '../../src/live/batch.js'
import { ANYONE } from '../../src/live/delivery.js'
import { Feed } from '../../src/live/feed.js'
import { Feeds } from '../../src/live/feeds.js'
import { Identities } from '../../src/live/identities.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

interface Item {
  event: string
  user: { name: string }
}

describe('the feeds of a process', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('send away whoever begins to follow one that has been closed, as it hears of nothing', async () => {
    const ann = await signUpProgram(site, 'ann')
    const uri = await ann.startChat()
    const { id } = await site.db.selectFrom('users').select('id').executeTakeFirstOrThrow()
    const renderer = { json: () => '', html: () => '' }
    const feeds = new Feeds(site.db, () => renderer, {
      mayDeliver: () => true,
      saw() {},
      moved() {},
      onFailure: assert.ifError,
      delivered() {},
    })
    const reading = await feeds.find(uri, id)
    assert.ok(reading)
    const { feed } = reading
    // A backup was restored while the stream was being opened.
    feeds.moved(feed.chat_id, feed.version - 1, feed.version)
    const ends: string[] = []
    const end = (reason: string) => ends.push(reason)
    const follower = { user_id: id, prepare() {}, deliver() {}, deliverTyping() {}, drop() {}, end }
    await feed.follow(follower, feed.version, async () => {})
    assert.deepEqual(ends, ['restart'])
    assert.notEqual((await feeds.find(uri, id))?.feed, feed)
  })

  it('know a member by their present name, whatever was asked before they were renamed', async () => {
    const [ann, bob] = [await signUpProgram(site, 'anna'), await signUpProgram(site, 'bobby')]
    const uri = await ann.startChat()
    await bob.join(uri)
    const { id } = (await bob.call('GET', '/api/account/')).json
    const renderer = { json: () => '', html: () => '' }
    const feeds = new Feeds(site.db, () => renderer, {
      mayDeliver: () => true,
      saw() {},
      moved() {},
      onFailure: assert.ifError,
      delivered() {},
    })
    const owner = (await ann.call('GET', '/api/account/')).json.id
    const before = await findChat(site.db, uri, id)
    assert.ok(before)
    const reading = await feeds.find(uri, owner)
    assert.equal((await bob.call('PATCH', '/api/account/', { name: 'Robert' })).status, 200)
    await reading?.feed.refresh()
    await feeds.learn(before, id, performance.now())
    assert.notEqual(reading?.feed.member(id), 'bobby')
    assert.equal((await feeds.find(uri, id))?.name, 'Robert')
    assert.equal(reading?.feed.member(id), 'Robert')
  })

  it('show a member who comes back under another name by that, in what they said before too', async () => {
    const [ann, bob] = [await signUpProgram(site, 'annie'), await signUpProgram(site, 'bert')]
    const uri = await ann.startChat()
    await bob.join(uri)
    const events = async () => (await ann.call('GET', `/api/chats/${uri}/messages/?after=0`)).json.messages as Item[]
    await events()
    await bob.post(uri, 'said before')
    await bob.call('DELETE', `/api/chats/${uri}/members/me/`)
    assert.equal((await bob.call('PATCH', '/api/account/', { name: 'Albert' })).status, 200)
    await bob.join(uri)
    assert.deepEqual(
      (await events()).map(({ event, user }) => `${event} ${user.name}`),
      ['joined annie', 'joined Albert', 'message Albert', 'left Albert', 'joined Albert'],
    )
  })

  it('know nobody as a member who has left since the database was asked', async () => {
    const { feeds, ann_id, bob, bob_id, uri } = await newChat('left')
    const before = await findChat(site.db, uri, bob_id)
    const feed = (await feeds.find(uri, ann_id))?.feed
    assert.ok(before?.member_name && feed)
    assert.equal((await bob.call('DELETE', `/api/chats/${uri}/members/me/`)).status, 204)
    await feed.refresh()
    assert.equal(await feeds.learn(before, bob_id, performance.now()), undefined)
    assert.equal(feeds.cached(uri, bob_id), undefined)
  })

  it('know a member who has come back, though they read only now that they had left', async () => {
    const { feeds, ann_id, bob, bob_id, uri } = await newChat('back')
    const feed = (await feeds.find(uri, ann_id))?.feed
    await bob.call('DELETE', `/api/chats/${uri}/members/me/`)
    await bob.join(uri)
    assert.equal((await feeds.find(uri, bob_id))?.feed, feed)
    assert.equal(feed?.version, 4)
    assert.ok(feeds.cached(uri, bob_id))
  })

  it('do not keep what was read of a message before it was changed, and came after that', async () => {
    const { feeds, ann, ann_id, uri } = await newChat('late')
    const { id } = (await ann.post(uri, 'the secret word')).json
    const { feed, reads, answer } = await heldFeed(feeds, uri, ann_id)
    const before = feed.after(0)
    await reads[0]
    await ann.call('DELETE', `/api/chats/${uri}/messages/${id}`)
    await feed.refresh()
    answer()
    await before
    const texts = (await feed.after(0)).map(({ event }) => event.text)
    assert.ok(!texts.includes('the secret word'), JSON.stringify(texts))
  })

  it('bring a stream up to what they have heard of, though the database is ahead, so that nothing comes twice', async () => {
    const { feeds, ann, ann_id, uri } = await newChat('ahead')
    const { id } = (await ann.post(uri, 'hello')).json
    const { feed, reads, answer } = await heldFeed(feeds, uri, ann_id)
    const got: number[] = []
    const take = ({ entries }: Batch) => got.push(...entries.map(({ version }) => version))
    const follower = { user_id: ANYONE, prepare() {}, deliver: take, deliverTyping() {}, drop() {}, end: assert.fail }
    const following = feed.follow(follower, 0, async batch => void take(batch))
    await reads[0]
    // A change that the feed hears of, so that what is on its way is out of date, and a message that it does not hear of yet.
    await ann.call('DELETE', `/api/chats/${uri}/messages/${id}`)
    await feed.refresh()
    await ann.post(uri, 'hello again')
    answer()
    await following
    // What comes within some milliseconds is delivered together, after them.
    await ann.post(uri, 'and again')
    await feed.refresh()
    await until(() => got.at(-1) === 6)
    assert.deepEqual(got, [1, 2, 3, 4, 5, 6])
  })

  it('and who somebody is: what was asked before a session or token ended is not kept', async () => {
    const { ann, ann_id } = await newChat('asked')
    const identities = new Identities(site.db)
    const credential = { kind: 'token', key: ann.token ?? '' } as const
    const asked = identities.find(credential)
    identities.forgetUser(ann_id)
    assert.ok(await asked)
    assert.equal(identities.cached(credential), undefined)
    await identities.find(credential)
    assert.ok(identities.cached(credential))
  })

  /** A feed of the chat whose first answer from the database is on its way until `answer` is called. */
  async function heldFeed(feeds: Feeds, uri: string, user_id: number) {
    const reading = await feeds.find(uri, user_id)
    assert.ok(reading)
    const { chat_id, version } = reading.feed
    let answer = () => {}
    const held = new Promise<void>(resolve => {
      answer = resolve
    })
    const reads: Promise<unknown>[] = []
    const feed = new Feed(chat_id, version, performance.now(), {
      read(...asked) {
        const events = eventsAfter(site.db, ...asked)
        reads.push(events)
        return reads.length === 1 ? held.then(() => events) : events
      },
      around: async () => ({ before: null, after: null }),
      renderer,
      mayDeliver: () => true,
      onFailure: assert.ifError,
      delivered() {},
    })
    return { feed, reads, answer: () => answer() }
  }

  /** Ann's chat, with Bob in it: version 2. */
  async function newChat(name: string) {
    const [ann, bob] = [await signUpProgram(site, `ann-${name}`), await signUpProgram(site, `bob-${name}`)]
    const uri = await ann.startChat()
    await bob.join(uri)
    const [ann_id, bob_id] = await Promise.all(
      [ann, bob].map(async one => (await one.call('GET', '/api/account/')).json.id as number),
    )
    const feeds = new Feeds(site.db, () => renderer, {
      mayDeliver: () => true,
      saw() {},
      moved() {},
      onFailure: assert.ifError,
      delivered() {},
    })
    return { feeds, ann, ann_id: ann_id ?? 0, bob, bob_id: bob_id ?? 0, uri }
  }
})

const renderer = { json: () => '', html: () => '' }
