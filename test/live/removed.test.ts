import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents, openFrame, openPageEvents, openSocket } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('a member who was removed for good, on another process that hears nothing of it', () => {
  let site: Site
  let other: Site
  let ann: Program
  let bob: Visitor
  let uri: string
  let id: number
  before(async () => {
    site = await openSite({ BUS: 'off' })
    other = await openSite({ BUS: 'off' }, site)
    ann = await signUpProgram(site, 'ann')
    bob = await new Visitor(other).signUp('bob')
    uri = await ann.startChat()
    await bob.get(`/chats/${uri}`)
    id = (await ann.post(uri, 'for members only')).json.id
  })
  after(async () => {
    cutStreams()
    await other.close()
    await site.close()
  })

  it('is refused by every way of reading, and what was open has ended', async () => {
    const ways: Record<string, () => Promise<{ status: number; text: string }>> = {
      page: () => bob.get(`/chats/${uri}`),
      poll: () => bob.htmx('GET', `/chats/${uri}/messages?after=${id}`),
      'poll with news': () => bob.htmx('GET', `/chats/${uri}/messages?after=0`),
      'older messages': () => bob.htmx('GET', `/chats/${uri}/messages?before=${id + 1}`),
      list: () => bob.get(`/api/chats/${uri}/messages`),
      events: () => bob.get(`/api/chats/${uri}/messages?after=0`),
      'the chat': () => bob.get(`/api/chats/${uri}`),
      members: () => bob.get(`/chats/${uri}/members`),
      invite: () => bob.get(`/chats/${uri}/invite`),
      permalink: () => bob.get(`/chats/${uri}/messages/${id}`),
      'permalink of the API': () => bob.get(`/api/chats/${uri}/messages/${id}`),
      search: () => bob.get(`/chats/${uri}/search?q=members`),
      post: () => bob.post(`/chats/${uri}/messages`, { message: 'still here' }),
    }
    // All of it works, and is in memory, until then.
    for (const [name, ask] of Object.entries(ways)) {
      assert.ok((await ask()).status < 400, name)
    }
    const streams = [
      await openEvents(other, `/api/chats/${uri}/live?after=0`, bob),
      await openPageEvents(other, `/chats/${uri}/live?after=0`, bob),
      await openFrame(other, `/chats/${uri}/live?inside`, bob),
    ]
    for (const stream of streams) {
      await stream.shows('for members only')
    }
    const socket = await openSocket(other, `/api/chats/${uri}/live?after=0`, bob, { origin: other.url })

    const { members } = (await ann.call('GET', `/api/chats/${uri}/members/`)).json
    const { id: bob_id } = members.find(({ username }: { username: string }) => username === 'bob')
    assert.equal((await ann.call('DELETE', `/api/chats/${uri}/members/${bob_id}/?ban=1`)).status, 204)
    const removedAt = performance.now()

    const refusedAfter: number[] = []
    await Promise.all([
      ...Object.entries(ways).map(async ([name, ask]) => {
        let answer = await ask()
        while (answer.status < 400) {
          answer = await ask()
        }
        assert.ok([403, 404].includes(answer.status), `${name}: ${answer.status}`)
        assert.ok(!answer.text.includes('for members only'), name)
        refusedAfter.push(performance.now() - removedAt)
      }),
      ...streams.map(async stream => {
        await stream.over()
        refusedAfter.push(performance.now() - removedAt)
      }),
      socket.closed().then(() => {
        refusedAfter.push(performance.now() - removedAt)
      }),
    ])
    await ann.post(uri, 'what comes after')
    for (const { text } of streams) {
      assert.ok(!text.includes('what comes after'))
    }
    assert.doesNotMatch((await bob.get('/search?q=members')).text, /<mark>/)
    assert.doesNotMatch((await bob.get('/')).text, /for members/)
    // 2 s are promised.
    console.log(`      refused by all after ${Math.max(...refusedAfter).toFixed(0)} ms at most`)
  })
})
