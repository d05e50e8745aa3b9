import assert from 'node:assert/strict'
import { readConfig } from '../../src/config.js'
import { asRefusal } from '../../src/errors.js'
import { openLog } from '../../src/process/log.js'
import { openParts } from '../../src/process/parts.js'
import { waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

describe('the end of a process in which posts wait, whose senders have hung up', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  /** Closes the parts of a second process while a post waits for its chat, which somebody holds, and two more wait behind it. */
  async function closeWhilePostsWait(name: string) {
    const ann = await signUpProgram(site, name)
    const uri = await ann.startChat()
    const parts = await openParts(readConfig({}), openLog('silent'), site.address)
    const holder = await site.pool.connect()
    await holder.query('begin')
    const { rows } = await holder.query(
      'select owner_id from chats join links on chat_id = id where uri = $1 for update of chats',
      [uri],
    )
    const post = (text: string) =>
      parts.posts.post({ uri, author_id: rows[0].owner_id, text, key: null, reply_to: null, names: [] })
    const posts = [post('first')]
    await waiting(site, 1)
    posts.push(post('second'), post('third'))
    const closed = parts.close()
    return {
      posts: Promise.allSettled(posts),
      async letGo() {
        await holder.query('rollback')
        holder.release()
        await closed
      },
    }
  }

  it('stores them', async () => {
    const { posts, letGo } = await closeWhilePostsWait('ann')
    await letGo()
    for (const post of await posts) {
      assert.equal(post.status === 'fulfilled' && post.value.outcome, 'posted')
    }
  })

  it('says of those for which no time is left that they may be sent again, and not that the program has failed @long', async () => {
    const { posts, letGo } = await closeWhilePostsWait('bob')
    const ends = await posts
    await letGo()
    for (const post of ends) {
      assert.equal(post.status, 'rejected')
      const { status, headers } = asRefusal(post.reason)
      assert.equal(status, 503)
      assert.ok(headers['Retry-After'])
    }
  })
})
