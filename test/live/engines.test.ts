import assert from 'node:assert/strict'
import { openFirefox } from '../support/firefox.js'
import { FRAMES, openProxy, POLLS, type SiteProxy, STREAMS } from '../support/proxy.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram } from '../support/visitor.js'
import { openWebKit } from '../support/webkit.js'
import { required, type Window } from '../support/window.js'

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

  for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
    it(`is joined by its link, and what is said there is edited and reacted to: ${name} @long`, async function () {
      const browser = opened(this, await open(), name)
      const has = (selector: string) =>
        browser.read<boolean>(`!!document.querySelector(${JSON.stringify(selector)})`).catch(() => false)
      const says = (text: string) => async () => (await texts(browser)).includes(text)
      await browser.open(`${proxy.url}/chats/${uri}`)
      await until(() => has('form[action$="/guests"] input[name=name]'))
      await browser.type('form[action$="/guests"] input[name=name]', 'Ada')
      await browser.press('Enter')
      await until(() => isLive(browser).catch(() => false))
      await bob.post(uri, 'who is there?')
      await until(says('who is there?'))
      await browser.type('#message', 'it is mee')
      await browser.press('Enter')
      await until(says('it is mee'))

      await openMenu(browser, 'message--mine')
      await browser.click(`document.querySelector('.actions__more summary')`)
      await until(() => has('.actions__more[open] textarea'))
      await browser.read(`(document.querySelector('.actions__more[open] textarea').value = '')`)
      await browser.type('.actions__more[open] textarea', 'it is me')
      await browser.click(`document.querySelector('.actions__more[open] .button')`)
      await until(says('it is me'))
      const { json } = await bob.call('GET', `/api/chats/${uri}/messages/`)
      assert.equal(json.messages.at(-1).message, 'it is me')

      await openMenu(browser, 'message:not(.message--mine)')
      await browser.click(`document.querySelector('.actions__emoji[value="🎉"]')`)
      await until(() => has('.message:not(.message--mine) .reactions__item'))
      await until(async () => !(await has('.actions')))
    })
  }

  for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
    it(`grows in its frame and is written in without JavaScript: ${name} @long`, async function () {
      const browser = await enter(this, await open({ javaScriptEnabled: false }), name)
      await until(() => proxy.open(FRAMES) === 1)
      const framed = () =>
        texts(
          browser,
          `document.querySelector('iframe[title=Messages]')?.contentDocument?.querySelector('iframe')?.contentDocument`,
        ).catch(() => [])
      const delay = await delayOf('in the frame', framed)
      assert.equal(await browser.read(`getComputedStyle(document.querySelector('#log')).display`), 'none')
      await browser.type('#message', 'my own')
      await browser.click(`document.querySelector('.composer__send')`)
      await until(async () => (await framed()).join() === 'in the frame,my own')
      if (this.test) this.test.title += ` (${delay} ms)`
    })
  }

  function opened(context: Mocha.Context, found: Window | undefined, name: string): Window {
    window = required(context, found, name)
    return window
  }

  /** Signs in as Ann on the way to the chat. */
  async function enter(context: Mocha.Context, found: Window | undefined, name: string): Promise<Window> {
    const browser = opened(context, found, name)
    await browser.open(`${proxy.url}/login?next=/chats/${uri}`)
    await until(() => browser.read(`!!document.querySelector('#login-password')`))
    await browser.type('#login-username', 'ann')
    await browser.type('#login-password', PASSWORD)
    await browser.press('Enter')
    // Nothing can be read while a page makes way for the next.
    await until(() => browser.read<boolean>(`!!document.querySelector('#message')`).catch(() => false))
    return browser
  }

  /** Opens the menu of the newest message with that class. */
  async function openMenu(browser: Window, kind: string) {
    const link = `[...document.querySelectorAll('#messages .${kind} [data-menu]')].at(-1)`
    await until(() => browser.read(`!!${link}`))
    await browser.click(link)
    await until(() => browser.read(`!!document.querySelector('.actions')`))
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
