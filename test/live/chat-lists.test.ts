import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, type Events, openEvents, openFrame, openPageEvents, openSocket } from '../support/streams.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('the word that the list of chats has changed', () => {
  let site: Site
  let name: string
  let ann: Visitor
  let bob: Program
  /** Two chats, each with ann and bob in it. */
  let one: string
  let other: string
  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    name = unique('ann')
    ann = await new Visitor(site).signUp(name)
    one = await ann.startChat()
    other = await ann.startChat()
    await bob.join(one)
    await bob.join(other)
    await ann.htmx('GET', '/chats')
  })
  afterEach(cutStreams)

  it('comes to a page of another chat, without an id @long', async () => {
    const page = await openPageEvents(site, `/chats/${one}/live`, ann)
    await bob.post(other, 'news')
    assert.deepEqual(await page.first(isWord), { event: 'chats', data: '1' })
  })

  it('does not come to the page of that chat, nor to one whose user has no list open or another one @long', async () => {
    const carl = await new Visitor(site).signUp(unique('carl'))
    const dora = await new Visitor(site).signUp(unique('dora'))
    for (const [visitor, uris] of [
      [carl, [one, other]],
      [dora, [other]],
    ] as const) {
      for (const uri of uris) {
        await visitor.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' })
      }
    }
    await dora.htmx('GET', '/chats')
    await ann.htmx('GET', '/chats')
    const without = [
      await openPageEvents(site, `/chats/${one}/live`, ann),
      await openPageEvents(site, `/chats/${other}/live`, carl),
      await openPageEvents(site, `/chats/${other}/live`, dora),
    ]
    // The last to be told.
    const last = await openPageEvents(site, `/chats/${other}/live`, ann)
    const { version } = (await bob.post(one, 'news')).json
    await last.first(isWord)
    await without[0]?.reaches(version)
    assert.deepEqual(
      without.map(words),
      without.map(() => 0),
    )
  })

  it('comes 5 s after the last one at the earliest, and at once if nothing came for longer @long', async () => {
    const page = await openPageEvents(site, `/chats/${one}/live`, ann)
    const times: number[] = []
    for (let n = 0; n < 2; n++) {
      await bob.post(other, `news ${n}`)
      await page.first(isWord)
      times.push(performance.now())
    }
    const [first = 0, second = 0] = times
    assert.ok(second - first > 4500, `${second - first} ms`)
  })

  it('comes to no program, no WebSocket and no frame @long', async () => {
    const frame = await openFrame(site, `/chats/${one}/live`, ann)
    const events = await openEvents(site, `/api/chats/${one}/live/`, ann)
    const socket = await openSocket(site, `/api/chats/${one}/live/`, ann, { origin: site.url })
    const page = await openPageEvents(site, `/chats/${one}/live`, ann)
    await bob.post(other, 'news')
    await page.first(isWord)
    assert.equal(words(events), 0)
    assert.deepEqual(socket.events, [])
    assert.ok(!frame.text.includes('event:'))
  })

  it('tells of what another process posted @long', async () => {
    const second = await openSite({}, site)
    try {
      const elsewhere = await signUpProgram(second, unique('elsewhere'))
      await elsewhere.join(other)
      await ann.htmx('GET', '/chats')
      const page = await openPageEvents(site, `/chats/${one}/live`, ann)
      await elsewhere.post(other, 'news')
      await page.first(isWord)
    } finally {
      await second.close()
    }
  })

  for (const [what, act] of Object.entries({
    'a message': () => bob.post(one, 'news'),
    'an edited one': async () => {
      const { id } = (await bob.post(other, 'first words')).json
      return bob.call('PATCH', `/api/chats/${other}/messages/${id}/`, { message: 'others' })
    },
    'a chat that they start in another window': () => ann.startChat(),
    'a chat that they join there': async () =>
      ann.get(`/chats/${await bob.startChat()}`, { 'sec-fetch-dest': 'document' }),
    'what they have read there': () => ann.get(`/chats/${one}`, { 'sec-fetch-dest': 'document' }),
    'a chat that is gone': () => ann.post(`/chats/${one}/deletion`, { name: `Chat started by ${name}` }),
  })) {
    it(`comes to the start page for ${what}${what === 'a message' ? '' : ' @long'}`, async () => {
      const start = await openPageEvents(site, '/live', ann)
      assert.equal(start.status, 200)
      await act()
      await start.first(isWord)
    })
  }

  it('comes by a stream of the start page, which ends when its session does', async () => {
    const start = await openPageEvents(site, '/live', ann)
    await start.first(({ retry }) => retry === 500)
    await ann.get('/')
    await ann.post('/logout')
    await start.first(({ event }) => event === 'gone')
    assert.equal(await start.over(), 'end')
    assert.equal((await openPageEvents(site, '/live', undefined)).status, 401)
  })
})

/** All tests share a site. */
function unique(name: string): string {
  return `${name}${Math.random().toString(36).slice(2)}`
}

function isWord({ event }: { event?: string }): boolean {
  return event === 'chats'
}

function words({ sent }: Events): number {
  return sent.filter(isWord).length
}
