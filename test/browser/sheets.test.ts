import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { member, person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

/** As wide as names and titles can be, without a place to break a line. */
const NAME = 'W'.repeat(50)
const TITLE = 'M'.repeat(100)

describe('the pages around a chat', () => {
  let site: Site
  let uri: string
  let owner: Page
  let guest: Page
  let visitor: Page

  before(async () => {
    site = await openSite()
    const ann = await member(site, 'ann')
    uri = ann.uri
    owner = ann.page
    await site.pool.query('update chats set title = $1', [TITLE])
    const other = new Visitor(site)
    await other.get(`/chats/${uri}`)
    await other.post(`/chats/${uri}/guests`, { name: NAME })
    await other.post(`/chats/${uri}/messages`, { message: `train ${'x'.repeat(1990)}` })
    const one = await person(site)
    await one.context.addCookies([...other.cookies].map(([name, value]) => ({ name, value, url: site.url })))
    guest = one.page
    visitor = (await person(site)).page
  })
  after(() => site.close())

  for (const width of [320, 768, 1280]) {
    it(`stay within a window of ${width} px, however long a name is`, async () => {
      const chat = `/chats/${uri}`
      const sheets = ['members', 'settings', 'bans', 'invite', 'search?q=train', 'messages/3'].map(
        name => `${chat}/${name}`,
      )
      for (const path of [chat, `${chat}#info`, ...sheets, '/', '/account', '/search', '/help', '/nowhere']) {
        await staysWithin(owner, path, width)
      }
      for (const path of [`${chat}/members`, '/', '/account', '/logout', '/search?q=train']) {
        await staysWithin(guest, path, width)
      }
      for (const path of [chat, '/', '/login', '/signup', '/account', '/preferences', '/help']) {
        await staysWithin(visitor, path, width)
      }
    })
  }

  async function staysWithin(page: Page, path: string, width: number) {
    await page.setViewportSize({ width, height: 700 })
    await page.goto(path)
    const outside = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('body *')]
        // What scrolls by itself, and the words of a line that ends in an ellipsis, reach further than they show.
        .filter(
          element => !element.closest('.tabs, .hidden-label, .skip') && getComputedStyle(element).display !== 'inline',
        )
        .filter(element => {
          const { left, right, width } = element.getBoundingClientRect()
          return width > 0 && (left < -0.5 || right > innerWidth + 0.5)
        })
        .map(element => `${element.tagName} ${element.className}`),
    )
    assert.deepEqual(outside, [], `${page.url()} at ${width} px`)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} at ${width} px`)
  }
})
