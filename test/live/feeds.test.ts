import assert from 'node:assert/strict'
import { Feeds } from '../../src/live/feeds.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

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
})
