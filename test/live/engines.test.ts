import assert from 'node:assert/strict'
import { openFirefox } from '../support/firefox.js'
import { FRAMES, openProxy, POLLS, type SiteProxy, STREAMS } from '../support/proxy.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram } from '../support/visitor.js'
import { openWebKit } from '../support/webkit.js'
import type { Window } from '../support/window.js'

describe('a chat in other browsers than Chromium', () => {
  let site: Site
  let proxy: SiteProxy
  let bob: Program
  let uri: string
  let window: Window | undefined

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
    await signUpProgram(site, 'ann')
  })
  after(() => site.close())

  beforeEach(async () => {
    proxy = await openProxy(site)
    uri = await bob.startChat()
  })
  afterEach(async () => {
    await window?.close()
    window = undefined
    await proxy.close()
  })

  for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
    it(`is pushed, polled where there is no stream, and written in: ${name} @long`, async function () {
      const browser = await enter(this, await open(), name)
      await until(() => isLive(browser))
      proxy.refuse(POLLS)
      const pushed = await delayOf('by push', () => texts(browser))
      proxy.admit()
      assert.ok(await isLive(browser))

      await browser.type('#message', 'my own')
      await browser.press('Enter')
      await until(async () => (await texts(browser)).length === 2)
      await until(() => isLive(browser))
      assert.equal(await browser.read(`document.querySelector('#message').value`), '')

      proxy.refuse(STREAMS)
      assert.equal(proxy.cut(STREAMS), 1)
      const polled = await delayOf('by poll', () => texts(browser))
      await until(async () => !(await isLive(browser)))

      proxy.admit()
      await until(() => isLive(browser))
      assert.deepEqual(await texts(browser), ['by push', 'my own', 'by poll'])
      if (this.test) this.test.title += ` (${pushed} ms by push, ${polled} ms by poll)`
    })
  }

  it('grows in its frame without JavaScript: Firefox @long', async function () {
    const browser = await enter(this, await openFirefox({ javaScriptEnabled: false }), 'Firefox')
    await until(() => proxy.open(FRAMES) === 1)
    const framed = () =>
      texts(
        browser,
        `document.querySelector('iframe[title=Messages]')?.contentDocument?.querySelector('iframe')?.contentDocument`,
      )
    const delay = await delayOf('in the frame', framed)
    assert.equal(await browser.read(`getComputedStyle(document.querySelector('#log')).display`), 'none')
    if (this.test) this.test.title += ` (${delay} ms)`
  })

  /** Signs in as Ann on the way to the chat. Skips the test where the browser is missing, except where all must be there. */
  async function enter(context: Mocha.Context, opened: Window | undefined, name: string): Promise<Window> {
    if (!opened) {
      if (process.env.CI === 'true') {
        throw new Error(`This test needs ${name}. Please install it (.ci/run says how).`)
      }
      return context.skip()
    }
    window = opened
    await opened.open(`${proxy.url}/login?next=/chats/${uri}`)
    await until(() => opened.read(`!!document.querySelector('#login-password')`))
    await opened.type('#login-username', 'ann')
    await opened.type('#login-password', PASSWORD)
    await opened.press('Enter')
    // Nothing can be read while a page makes way for the next.
    await until(() => opened.read<boolean>(`!!document.querySelector('#message')`).catch(() => false))
    return opened
  }

  /** How long it takes from Bob's post until the text is there, in milliseconds. */
  async function delayOf(text: string, read: () => Promise<string[]>): Promise<number> {
    const begun = performance.now()
    await bob.post(uri, text)
    await until(async () => (await read()).includes(text))
    return Math.round(performance.now() - begun)
  }
})

/** The messages of the page, or of another document in it. */
function texts(window: Window, inside = 'document'): Promise<string[]> {
  return window.read(
    `[...(${inside}?.querySelectorAll('.messages:not([aria-label]) .message__text') ?? [])].map(text => text.textContent)`,
  )
}

/** Whether the page follows its stream: then it asks seldom. */
function isLive(window: Window): Promise<boolean> {
  return window.read(`!!document.querySelector('.tail--slow')`)
}
