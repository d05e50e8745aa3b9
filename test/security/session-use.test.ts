import assert from 'node:assert/strict'
import { keyHash } from '../../src/keys.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { cutStreams, openPageEvents } from '../support/streams.js'
import { Visitor } from '../support/visitor.js'

describe('a session that ends after 30 days without use', () => {
  let site: Site
  /** Knows of a session what the database says, as it was never sent one. */
  let beside: Site
  let uri: string
  let count = 0

  before(async () => {
    site = await openSite()
    beside = await openSite({}, site)
    uri = await (await new Visitor(site).signUp('bob')).startChat()
  })
  afterEach(cutStreams)
  after(async () => {
    await beside.close()
    await site.close()
  })

  const USES: Record<string, (browser: Visitor) => Promise<Answer>> = {
    'a page': browser => browser.get(`/chats/${uri}`),
    'a form': browser => browser.post(`/chats/${uri}/messages`, { message: 'used' }),
    'what htmx sends': browser => browser.htmx('POST', `/chats/${uri}/messages`, { message: 'used', after: '1' }),
    'what a script asks for': browser => browser.send('GET', `/api/chats/${uri}/messages/`),
  }

  for (const [name, use] of Object.entries(USES)) {
    it(`lives on by ${name}`, async () => {
      const browser = await unused(29)
      const { status } = await use(browser)
      assert.ok(status < 400, String(status))
      assert.equal(await daysUnused(browser), 0)
    })
  }

  it('does not live on by a page that is left open, with its polls and streams', async () => {
    const browser = await unused(29)
    for (const live of ['', '&live=0']) {
      assert.equal((await browser.htmx('GET', `/chats/${uri}/messages?after=1${live}`)).status, 200)
    }
    assert.equal((await openPageEvents(beside, `/chats/${uri}/live?after=1`, browser)).status, 200)
    assert.equal((await browser.get(`/chats/${uri}/live`)).status, 200)
    assert.equal(await daysUnused(browser), 29)
  })

  /** A member whose session was used last so many days ago. */
  async function unused(days: number): Promise<Visitor> {
    const before = await new Visitor(site).signUp(`ann${++count}`)
    await before.get(`/chats/${uri}`)
    await site.pool.query(
      `update sessions set created_at = now() - interval '60 days', last_used_at = now() - $1 * interval '1 day'
       where id_hash = $2`,
      [days, hashOf(before)],
    )
    const browser = new Visitor(beside)
    browser.cookies.set('sid', before.cookies.get('sid') ?? '')
    browser.csrf = before.csrf
    return browser
  }

  async function daysUnused(browser: Visitor): Promise<number> {
    const { rows } = await site.pool.query(
      'select extract(days from now() - last_used_at)::int as days from sessions where id_hash = $1',
      [hashOf(browser)],
    )
    return rows[0].days
  }
})

function hashOf({ cookies }: Visitor): Buffer {
  return keyHash(cookies.get('sid') ?? '')
}
