import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { composer, followsStream, person, shown, signUp } from '../support/browser.js'
import { openProxy, POLLS, type SiteProxy, STREAMS } from '../support/proxy.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

const SECONDS = 10

describe('the chat page on a network that fails at random', () => {
  let site: Site
  let proxy: SiteProxy
  before(async () => {
    site = await openSite()
    proxy = await openProxy(site)
  })
  after(async () => {
    await proxy.close()
    await site.close()
  })

  it(`has every message once and in order after ${SECONDS} s, and asks seldom again @long`, async function () {
    this.timeout((SECONDS + 60) * 1000)
    const bob = await signUpProgram(site, 'bob')
    const uri = await bob.startChat()
    const { page, context } = await person(proxy)
    const failures: string[] = []
    page.on('pageerror', error => failures.push(error.message))
    await page.goto(`/chats/${uri}`)
    await signUp(page, 'ann')
    await followsStream(page)

    let refused = false
    proxy.refuse(STREAMS, () => refused)
    proxy.refuse(POLLS, () => Math.random() < 0.3)
    const end = Date.now() + SECONDS * 1000
    const count = { bob: 0, ann: 0, cut: 0, changed: 0 }
    const ids: number[] = []
    /** Acts again and again until the time is over, with random pauses of so many milliseconds on average. */
    const keep = async (pause: number, act: () => unknown) => {
      while (Date.now() < end) {
        await act()
        await wait(pause * (0.5 + Math.random()))
      }
    }
    await Promise.all([
      keep(60, async () => {
        ids.push((await bob.post(uri, `bob ${++count.bob}`)).json.id)
      }),
      // What was said, a moment ago or long ago, is said otherwise, is taken back, or pleases.
      keep(150, async () => {
        const id = ids[Math.floor(Math.random() * ids.length)]
        if (id !== undefined) {
          const path = `/api/chats/${uri}/messages/${id}`
          const change = count.changed++ % 5
          await (change === 0
            ? bob.call('DELETE', path)
            : change < 4
              ? bob.call('PATCH', path, { message: `bob again ${count.changed}` })
              : bob.call('PUT', `${path}/reactions/${encodeURIComponent('👍')}`))
        }
      }),
      keep(400, async () => {
        await composer(page).fill(`ann ${++count.ann}`)
        await composer(page).press('Enter')
      }),
      keep(700, () => {
        count.cut += proxy.cut(STREAMS)
      }),
      keep(1500, () => {
        refused = Math.random() < 0.4
      }),
    ])
    proxy.admit()
    const last = shown(page, 'the last')
    await bob.post(uri, 'the last')
    await last
    await page.getByLabel('Being sent').locator('li').last().waitFor({ state: 'detached' })
    await followsStream(page)

    const { rows } = await site.pool.query<{ id: string; text: string | null; liked: boolean }>(
      `select 'message-' || version as id, text, reactions is not null as liked
       from events where kind = 'message' order by version`,
    )
    const seen = await page.locator('#messages .message').evaluateAll(items =>
      items.map(item => ({
        id: item.id,
        text: item.querySelector('.message__text')?.textContent?.trim() ?? null,
        liked: item.querySelector('.reactions') !== null,
      })),
    )
    assert.deepEqual(seen, rows)
    assert.equal(rows.length, count.bob + count.ann + 1)
    assert.equal(await page.locator('.tail').count(), 1)
    // What the last failed poll said goes with the next good one.
    await until(async () => (await page.getByRole('alert').innerText()) === '')
    assert.deepEqual(failures, [])
    if (this.test) {
      const { bob, ann, cut, changed } = count
      this.test.title += ` (${bob} messages of another, ${ann} of the reader's own, ${cut} streams cut, ${changed} changes)`
    }
    await context.close()
  })
})
