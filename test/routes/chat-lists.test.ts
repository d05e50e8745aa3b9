import assert from 'node:assert/strict'
import type { Answer } from '../support/exchange.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('the list of chats in an open page', () => {
  let site: Site
  let ann: Visitor
  let bob: Program
  let uri: string
  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    ann = await new Visitor(site).signUp(`ann${Math.random().toString(36).slice(2)}`)
    uri = await ann.startChat()
    await bob.join(uri)
  })

  it('is loaded beside a chat, which it marks, and where no script runs the page has a link instead', async () => {
    const other = await ann.startChat()
    const page = await ann.get(`/chats/${uri}`)
    const side = page.text.slice(page.text.indexOf('<nav class="side"'))
    assert.ok(page.text.indexOf('</main>') < page.text.indexOf('<nav class="side"'))
    assert.match(side, /<a href="\/">My chats<\/a>/)
    assert.match(side, /<form method="post" action="\/chats">\s*<input type="hidden" name="csrf" value="[^"]+">/)
    assert.ok(!side.includes('chats__link'))
    const [, path = ''] = /hx-get="([^"]+)" hx-trigger="intersect once/.exec(side) ?? []
    const list = await ann.htmx('GET', path)
    assert.match(list.text, /<input type="hidden" name="have" value="[\w-]{16}">/)
    assert.deepEqual(
      [...list.text.matchAll(/href="\/chats\/([\w-]{22})"( aria-current="page")?/g)].map(([, uri, current]) => [
        uri,
        current !== undefined,
      ]),
      [
        [other, false],
        [uri, true],
      ],
    )
  })

  it('counts what is unread elsewhere, and not in the chat that is open', async () => {
    await bob.post(uri, 'unread')
    const count = /<span class="chats__unread">1</
    const { text } = await ann.htmx('GET', '/chats')
    assert.match(text, count)
    const [, id] = /<li id="chat-(\d+)"/.exec(text) ?? []
    assert.doesNotMatch((await ann.htmx('GET', `/chats?beside=${id}`)).text, count)
  })

  it('tells a deleted message from one that says null, and no title from that title', async () => {
    const shown = async () => (await ann.htmx('GET', '/chats')).text
    const { id } = (await bob.post(uri, 'null')).json
    assert.match(await shown(), /<bdi>null<\/bdi>/)
    await bob.call('DELETE', `/api/chats/${uri}/messages/${id}/`)
    assert.match(await shown(), /deleted message/)
    assert.match(await shown(), /Chat started by/)
    await ann.post(`/chats/${uri}/settings`, { title: 'null', guests: 'true' })
    assert.match(await shown(), /<span class="chats__name"><bdi>null<\/bdi>/)
  })

  it('is answered with 204 and without a statement while nothing has happened', async () => {
    const have = stampOf(await ann.htmx('GET', '/chats'))
    const statements = await statementsOf(async () => {
      assert.equal((await ask(have)).status, 204)
      assert.equal((await ask(have)).status, 204)
    })
    assert.deepEqual(statements, [])
  })

  it('comes again as soon as something has happened in a chat of it', async () => {
    const other = await ann.startChat()
    let have = stampOf(await ann.htmx('GET', '/chats'))
    for (const act of [
      () => bob.post(uri, 'news'),
      () => ann.post(`/chats/${other}/messages`, { message: 'own' }),
      () => ann.post(`/chats/${other}/settings`, { title: 'Renamed' }),
      () => ann.get(`/chats/${uri}`, { 'sec-fetch-dest': 'document' }),
      () => ann.startChat(),
      async () => ann.get(`/chats/${await bob.startChat()}`, { 'sec-fetch-dest': 'document' }),
      () => ann.post(`/chats/${other}/deletion`, { name: 'Renamed' }),
    ]) {
      await act()
      const answer = await ask(have)
      assert.equal(answer.status, 200, String(act))
      have = stampOf(answer)
      assert.equal((await ask(have)).status, 204)
    }
  })

  it('comes again where another process posted, and where that process read the list', async () => {
    const other = await openSite({}, site)
    try {
      const elsewhere = await signUpProgram(other, 'elsewhere')
      await elsewhere.join(uri)
      const have = stampOf(await ann.htmx('GET', '/chats'))
      await elsewhere.post(uri, 'from elsewhere')
      await until(async () => (await ask(have)).status === 200)
    } finally {
      await other.close()
    }
  })

  it('is read again after a minute, and goes on as 204 where it is the same', async () => {
    const have = stampOf(await ann.htmx('GET', '/chats'))
    const { now } = performance
    try {
      performance.now = () => now.call(performance) + 60_000
      const statements = await statementsOf(async () => assert.equal((await ask(have)).status, 204))
      assert.equal(statements.filter(({ text }) => text.includes('"listed"')).length, 1)
      assert.deepEqual(await statementsOf(async () => assert.equal((await ask(have)).status, 204)), [])
    } finally {
      performance.now = now
    }
  })

  it('is another for a page that shows an earlier one, though the newest was just read', async () => {
    const earlier = stampOf(await ann.htmx('GET', '/chats'))
    await bob.post(uri, 'news')
    const newest = stampOf(await ann.htmx('GET', '/chats'))
    assert.equal((await ask(earlier)).status, 200)
    assert.equal((await ask(newest)).status, 204)
  })

  it('is refused where it is asked for by no list', async () => {
    assert.equal((await ask('x'.repeat(17))).status, 422)
    assert.equal((await ann.htmx('GET', '/chats?have=a&have=b')).status, 422)
    assert.equal((await ann.htmx('GET', '/chats?beside=one')).status, 422)
    assert.equal((await new Visitor(site).htmx('GET', '/chats')).status, 401)
  })

  function ask(have: string) {
    return ann.htmx('GET', `/chats?have=${have}`)
  }
})

function stampOf({ text }: Answer): string {
  return /name="have" value="([^"]+)"/.exec(text)?.[1] ?? ''
}
