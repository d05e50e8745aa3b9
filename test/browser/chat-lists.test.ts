import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, followsStream, log, member, shown } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('the list of chats beside a chat', () => {
  let site: Site
  let bob: Program
  let other: string
  let ann: Awaited<ReturnType<typeof member>>
  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  afterEach(() => ann?.context.close())

  /** Ann, in a chat of hers; she is in another one of bob's too. */
  async function open(width: number, javaScriptEnabled = true) {
    ann = await member(site, `ann${width}${Math.random().toString(36).slice(2)}`, {
      viewport: { width, height: 800 },
      javaScriptEnabled,
    })
    other = await bob.startChat()
    const visitor = new Visitor(site)
    for (const { name, value } of await ann.context.cookies()) {
      visitor.cookies.set(name, value)
    }
    await visitor.get(`/chats/${other}`, { 'sec-fetch-dest': 'document' })
    await ann.page.goto(`/chats/${ann.uri}`, { waitUntil: 'commit' })
    await log(ann.page, javaScriptEnabled).getByText('joined').waitFor()
    return ann.page
  }

  for (const [width, what, listed] of [
    [1280, 'a list', 328],
    [800, 'a rail', 76],
  ] as const) {
    it(`is ${what} at ${width} px, left of the conversation`, async () => {
      const page = await open(width)
      await row(page, other).waitFor()
      const [side, main] = [await page.locator('.side').boundingBox(), await page.locator('main').boundingBox()]
      assert.deepEqual([side?.x, side?.width], [0, listed])
      assert.deepEqual([main?.x, main?.width], [listed, width - listed])
      assert.equal(await row(page, ann.uri).getAttribute('aria-current'), 'page')
      assert.equal(await row(page, other).getAttribute('aria-current'), null)
      assert.equal((await row(page, other).locator('.avatar').boundingBox())?.width, 44)
      assert.equal(await row(page, other).locator('.chats__name').isVisible(), true)
      assert.deepEqual(ann.complaints, [])
    })
  }

  it('is neither shown nor loaded at 360 px', async () => {
    const asked: string[] = []
    const page = await open(360)
    page.on('request', request => asked.push(request.url()))
    await page.reload()
    await log(page).getByText('joined').waitFor()
    await comeToFront(page)
    await bob.post(ann.uri, 'not a member')
    assert.equal(await page.locator('.side').isVisible(), false)
    assert.deepEqual(
      asked.filter(url => /\/chats\?/.test(url)),
      [],
    )
  })

  it('is a link where no script runs', async () => {
    const page = await open(1280, false)
    await page.getByRole('navigation', { name: 'My chats' }).getByRole('link', { name: 'My chats' }).click()
    await page.getByRole('heading', { name: 'My chats' }).waitFor({ state: 'attached' })
    assert.equal(new URL(page.url()).pathname, '/')
  })

  it('shows what happens in another chat, as the page’s stream says so @long', async () => {
    const page = await open(1280)
    await followsStream(page)
    await row(page, other).waitFor()
    const carl = await member(site, `carl${Math.random().toString(36).slice(2)}`, { uri: other })
    for (const [count, text] of ['first', 'second'].entries()) {
      await composer(carl.page).fill(text)
      await composer(carl.page).press('Enter')
      await row(page, other).getByText(text).waitFor()
      await row(page, other)
        .getByText(`${count + 1} unread`)
        .waitFor()
    }
    assert.ok((await firstOf(page)).endsWith(other))
    assert.deepEqual(ann.complaints, [])
    await carl.context.close()
  })

  it('shows on the start page what happens, without a reload @long', async () => {
    const page = await open(1280)
    await page.goto('/')
    await page.evaluate(() => Object.assign(window, { known: true }))
    const carl = await member(site, `carl${Math.random().toString(36).slice(2)}`, { uri: other })
    await composer(carl.page).fill('for the start page')
    await composer(carl.page).press('Enter')
    await row(page, other).getByText('for the start page').waitFor()
    await row(page, other).getByText('1 unread').waitFor()
    assert.equal(await page.evaluate(() => 'known' in window), true)
    assert.deepEqual(ann.complaints, [])
    await carl.context.close()
  })

  it('starts a chat', async () => {
    const page = await open(1280)
    await page.getByRole('button', { name: 'Start Chatting' }).click()
    await page.waitForURL(url => url.pathname !== `/chats/${ann.uri}`)
    await row(page, ann.uri).waitFor()
  })

  it('is asked for again when the page comes to the front', async () => {
    const page = await open(1280)
    await row(page, other).waitFor()
    await bob.post(other, 'news')
    await comeToFront(page)
    await row(page, other).getByText('1 unread').waitFor()
    await row(page, other).getByText('news').waitFor()
  })

  it('keeps the focus and the place when it comes again @long', async () => {
    const page = await open(1280)
    await row(page, ann.uri).focus()
    await page.evaluate(() => Object.assign(document.activeElement as Element, { known: true }))
    await bob.post(other, 'news')
    await comeToFront(page)
    await row(page, other).getByText('news').waitFor()
    assert.equal(await row(page, ann.uri).evaluate(link => link === document.activeElement && 'known' in link), true)
  })

  it('is asked for again every minute while it is before its reader @long', async () => {
    const page = await open(1280)
    await row(page, other).waitFor()
    await page.clock.install()
    await page.reload()
    await row(page, other).waitFor()
    await bob.post(other, 'a minute ago')
    await page.clock.runFor(61_000)
    await row(page, other).getByText('a minute ago').waitFor()
  })

  it('shows the newest message of the open chat, own or not, as the page does, and moves it up', async () => {
    const page = await open(1280)
    await row(page, other).waitFor()
    await bob.post(other, 'news')
    await comeToFront(page)
    await until(async () => (await firstOf(page)).endsWith(other))
    // What the list shows from here on, it has from the page.
    await page.route('**/chats?*', route => route.abort())
    await composer(page).fill('mine *now*')
    await composer(page).press('Enter')
    await row(page, ann.uri).getByText('mine now').waitFor()
    assert.match(await row(page, ann.uri).locator('.chats__last').innerText(), /^ann\w+: mine now$/)
    assert.ok((await firstOf(page)).endsWith(ann.uri))
    await bob.join(ann.uri)
    const theirs = shown(page, 'theirs')
    await bob.post(ann.uri, 'theirs')
    await theirs
    await row(page, ann.uri).getByText('theirs').waitFor()
  })

  function row(page: Page, uri: string) {
    return page.locator('#chats').locator(`a[href="/chats/${uri}"]`)
  }
})

async function firstOf(page: Page): Promise<string> {
  return (await page.locator('.chats__link').first().getAttribute('href')) ?? ''
}

function comeToFront(page: Page) {
  return page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
}
