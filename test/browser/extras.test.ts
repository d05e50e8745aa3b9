import assert from 'node:assert/strict'
import { composer, followsStream, log, member, openDetails } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

describe('the second script of a page', () => {
  let site: Site
  let uri: string
  let count = 0

  before(async () => {
    site = await openSite()
    const bob = await signUpProgram(site, 'bob')
    uri = await bob.startChat()
    await bob.post(uri, 'hello')
  })
  after(() => site.close())

  it('is not loaded by reading', async () => {
    const { page, asked } = await enter()
    await log(page).getByText('hello').waitFor()
    await followsStream(page)
    assert.deepEqual(asked, [])
  })

  it('comes once with what needs it first: typing, the details, a message pointed at @long', async () => {
    for (const need of [
      async ({ page }: Entered) => composer(page).press('a'),
      async ({ page }: Entered) => openDetails(page),
      async ({ page }: Entered) => log(page).getByText('hello').hover(),
    ]) {
      const entered = await enter()
      await need(entered)
      await until(() => entered.asked.length > 0)
      await entered.page.goto(`/chats/${uri}#info`)
      await entered.page.getByLabel('Sound').waitFor()
      assert.equal(entered.asked.length, 1)
      assert.deepEqual(entered.complaints, [])
    }
  })

  it('may be gone, as a page outlives its version: the rest goes on @long', async () => {
    const { page } = await enter()
    await page.route('**/static/extras-*', route => route.fulfill({ status: 404, body: '' }))
    await composer(page).pressSequentially('all the same')
    await composer(page).press('Enter')
    await page.locator('#messages').getByText('all the same').waitFor()
    await openDetails(page)
    await page.getByRole('link', { name: 'Close' }).click()
    assert.equal(await page.getByRole('heading', { name: 'Details' }).isVisible(), false)
  })

  type Entered = Awaited<ReturnType<typeof enter>>

  async function enter() {
    const one = await member(site, `reader${++count}`, { uri })
    const asked: string[] = []
    one.page.on('request', request => {
      if (request.url().includes('/static/extras-')) {
        asked.push(request.url())
      }
    })
    await one.page.reload()
    await log(one.page).getByText('hello').waitFor()
    return { ...one, asked }
  }
})
