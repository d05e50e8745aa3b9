import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openEvents, openPageEvents, openSocket } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

for (const BUS of ['postgres', 'off']) {
  describe(`what changes a message, with BUS=${BUS}`, () => {
    let site: Site
    let other: Site
    let ann: Program
    let bob: Visitor
    let uri: string
    before(async () => {
      site = await openSite({ BUS })
      other = await openSite({ BUS }, site)
      ann = await signUpProgram(site, 'ann')
      bob = await new Visitor(other).signUp('bob')
      uri = await ann.startChat()
      await bob.get(`/chats/${uri}`)
    })
    after(async () => {
      cutStreams()
      await other.close()
      await site.close()
    })

    it('reaches streams of all kinds on every process, as the message is now @long', async () => {
      const { json } = await ann.post(uri, 'first words')
      const events = await openEvents(other, `/api/chats/${uri}/live?after=0`, bob)
      const page = await openPageEvents(other, `/chats/${uri}/live?after=0`, bob)
      const socket = await openSocket(other, `/api/chats/${uri}/live?after=0`, bob, { origin: other.url })
      await events.shows('first words')
      await page.shows('first words')
      await ann.call('PATCH', `/api/chats/${uri}/messages/${json.id}`, { message: 'second words' })
      await events.shows('event: edited')
      await events.shows('second words')
      await page.shows('data-replaces')
      await page.shows('second words')
      await ann.call('PUT', `/api/chats/${uri}/messages/${json.id}/reactions/${encodeURIComponent('👍')}`)
      await events.shows('"reactions":{"👍":1}')
      await ann.call('DELETE', `/api/chats/${uri}/messages/${json.id}`)
      await events.shows('event: deleted')
      await page.shows('Deleted')
      await socket.reaches(6)
    })

    it('leaves nothing of a deleted text in any process’s memory @long', async () => {
      const { json } = await ann.post(uri, 'the secret word')
      await ann.post(uri, 'what of it', {})
      // Both processes have it in memory, rendered for all kinds of readers.
      const before = await openEvents(site, `/api/chats/${uri}/live?after=0`, ann)
      const beside = await openEvents(other, `/api/chats/${uri}/live?after=0`, bob)
      await before.shows('the secret word')
      await beside.shows('the secret word')
      assert.match((await bob.get(`/chats/${uri}`)).text, /the secret word/)
      await ann.call('DELETE', `/api/chats/${uri}/messages/${json.id}`)
      const deleted = `"id":${json.id},"version":${json.id + 2}`
      await before.shows(deleted)
      await beside.shows(deleted)
      const onwards = await ann.post(uri, 'and on')
      for (const [at, who] of [
        [site, ann],
        [other, bob],
      ] as const) {
        const replay = await openEvents(at, `/api/chats/${uri}/live?after=0`, who)
        const pages = await openPageEvents(at, `/chats/${uri}/live?after=0`, who)
        await replay.shows(`id: ${onwards.json.id}\n`)
        await pages.shows(`id: ${onwards.json.id}\n`)
        assert.ok(!replay.text.includes('secret'), replay.text)
        assert.ok(!pages.text.includes('secret'))
      }
      for (const path of [`/chats/${uri}/messages?after=0`, `/chats/${uri}`, `/api/chats/${uri}/messages?after=0`]) {
        assert.ok(!(await bob.get(path)).text.includes('secret'), path)
        assert.ok(!(await bob.htmx('GET', path)).text.includes('secret'), path)
      }
    })
  })
}
