import assert from 'node:assert/strict'
import { findChat } from '../../src/db/chats.js'
import { Feeds } from '../../src/live/feeds.js'
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
      delivers: () => true,
      saw() {},
      onFailure: assert.ifError,
    })
    const reading = await feeds.find(uri, id)
    assert.ok(reading)
    const { feed } = reading
    // A backup was restored while the stream was being opened.
    feeds.moved(feed.chat_id, feed.version - 1, feed.version)
    const ends: string[] = []
    const follower = { user_id: id, deliver() {}, tell() {}, drop() {}, end: (reason: string) => ends.push(reason) }
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
    const feeds = new Feeds(site.db, () => renderer, { delivers: () => true, saw() {}, onFailure: assert.ifError })
    const owner = (await ann.call('GET', '/api/account/')).json.id
    const before = await findChat(site.db, uri, id)
    assert.ok(before)
    const reading = await feeds.find(uri, owner)
    assert.equal((await bob.call('PATCH', '/api/account/', { name: 'Robert' })).status, 200)
    await reading?.feed.look()
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
})
