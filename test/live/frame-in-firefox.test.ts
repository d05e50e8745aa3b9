import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FirefoxWindow, openFirefox } from '../support/firefox.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram } from '../support/visitor.js'
import { required } from '../support/window.js'

/** The messages: a page that grows, in a frame within a frame. */
const FRAME = `document.querySelector('iframe[title=Messages]')?.contentDocument?.querySelector('iframe')?.contentDocument`

// As test/live/frame.test.ts does in Chromium, but for what is done to messages, which was broken in Firefox alone before.
describe('the chat page without JavaScript in Firefox', () => {
  let site: Site
  let bob: Program
  let uri: string
  let browser: FirefoxWindow

  before(async function () {
    browser = required(this, await openFirefox({ javaScriptEnabled: false }), 'Firefox')
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
    await signUpProgram(site, 'ann')
    await browser.open(`${site.url}/login`)
    await until(() => has('document', '#login-password'))
    await browser.type('#login-username', 'ann')
    await browser.type('#login-password', PASSWORD)
    await browser.press('Enter')
    await until(() => says('document', 'Welcome ann!'))
  })
  after(async () => {
    await browser?.close()
    await site?.close()
  })
  beforeEach(async () => {
    uri = await bob.startChat()
  })

  it('sends what is typed, again and again @long', async () => {
    await enter()
    for (const text of ['first', 'second']) {
      await send(text)
      await until(() => says(FRAME, text))
      await until(async () => (await browser.read(`document.querySelector('#message')?.value`)) === '')
    }
    assert.deepEqual(await texts(), ['first', 'second'])
  })

  it('leads from a message to what can be done to it: a reaction, a reply, and back @long', async () => {
    await bob.post(uri, 'shall we meet?')
    await enter()
    await openMessage('shall we meet?')
    await browser.click(`document.querySelector('.actions__emoji[value="🎉"]')`)
    await until(() => says('document', '🎉 party 1'))
    await browser.click(`document.querySelector('.actions__emoji[value="🎉"]')`)
    await until(async () => !(await says('document', '🎉 party 1')))
    await browser.click(`document.querySelector('[data-reply]')`)
    await until(() => says('document', 'Reply to bob: shall we meet?'))
    await send('gladly')
    await until(() => says(`${FRAME}?.querySelector('.message--mine')`, 'bob shall we meet? gladly'))
    assert.ok(!(await says('document', 'Reply to bob')))
    await browser.click(`${FRAME}.querySelector('.message--mine .quote__link')`)
    await until(async () => !!(await browser.read('location.hash').catch(() => '')))
    assert.ok(await says('document', 'A message by bob'))
  })

  it('edits and deletes @long', async () => {
    await enter()
    await send('is late')
    await until(() => says(FRAME, 'is late'))
    await openMessage('is late')
    await browser.click(`document.querySelector('.actions__more summary')`)
    await browser.type('.actions__more textarea', 'Ann ')
    await browser.click(`document.querySelector('.actions__more[open] .button')`)
    await until(() => says('document', 'Ann is late edited'))
    await back()
    await until(() => says(FRAME, 'Ann is late edited'))
    await openMessage('Ann is late')
    await browser.click(`[...document.querySelectorAll('.actions__more summary')].at(-1)`)
    await browser.click(`document.querySelector('.button--danger')`)
    await until(() => says('document', 'Deleted'))
    await back()
    await until(() => says(FRAME, 'Deleted'))
    assert.deepEqual(await texts(), [])
  })

  it('shows what others change: an edit, a reaction, a deletion @long', async () => {
    const { id } = (await bob.post(uri, 'before')).json
    await enter()
    await until(() => says(FRAME, 'before'))
    const path = `/api/chats/${uri}/messages/${id}/`
    await bob.call('PATCH', path, { message: 'after' })
    await until(() => says(FRAME, 'after edited'))
    await bob.call('PUT', `${path}reactions/${encodeURIComponent('👍')}/`)
    await until(() => says(FRAME, '👍'))
    await bob.call('DELETE', path)
    await until(() => says(FRAME, 'Deleted'))
  })

  it('unfolds a long message in its place @long', async () => {
    await bob.post(uri, Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join('\n'))
    await enter()
    await until(() => says(FRAME, 'line 30'))
    const height = () => browser.read<number>(`${FRAME}.querySelector('.message__text').offsetHeight`)
    assert.ok((await height()) < 220)
    await browser.click(`${FRAME}.querySelector('.message__more summary')`)
    await until(async () => (await height()) > 500)
    await browser.click(`${FRAME}.querySelector('.message__more summary')`)
    await until(async () => (await height()) < 220)
  })

  it('leads to older messages and back, and to the first that is new @long', async () => {
    await enter()
    await back('/')
    // What comes into the frame while it is open is read.
    await until(() => site.live.streams.size === 0)
    for (let n = 1; n <= 60; n++) {
      await bob.post(uri, `line ${n}`)
    }
    await enter()
    await until(() => says(FRAME, 'line 60'))
    await browser.click(`document.querySelector('[data-unread] a')`)
    await until(async () => (await browser.read('location.hash').catch(() => '')) === '#message-3')
    assert.ok(await says('document', 'line 1 '))
    await browser.click(`document.querySelector('.refresh a')`)
    await until(() => says(FRAME, 'line 60'))
    assert.ok(!(await says(FRAME, 'line 10 ')))
    await browser.click(`${FRAME}.querySelector('.older__link')`)
    await until(() => says('document', 'line 10'))
    assert.ok(!(await says('document', 'line 60')))
    await browser.click(`document.querySelector('.refresh a')`)
    await until(() => says(FRAME, 'line 60'))
  })

  // The last: the other window stands before this one from here on.
  it('opens a link of a message in another window, and the chat stays @long', async () => {
    const asked: (string | undefined)[] = []
    const elsewhere = createServer(({ url }, answer) => {
      asked.push(url)
      answer.end('Elsewhere')
    })
    elsewhere.listen(0, '127.0.0.1')
    try {
      await once(elsewhere, 'listening')
      await bob.post(uri, `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/followed`)
      await enter()
      await until(() => says(FRAME, '/followed'))
      await browser.click(`${FRAME}.querySelector('.message__text a')`)
      await until(() => asked.includes('/followed'))
      await bob.post(uri, 'still here')
      await until(() => says(FRAME, 'still here'))
      assert.equal(await browser.read('location.pathname'), `/chats/${uri}`)
    } finally {
      elsewhere.closeAllConnections()
      elsewhere.close()
    }
  })

  /** Opens the chat, and waits for its frame. */
  async function enter() {
    await browser.open(`${site.url}/chats/${uri}`)
    await until(() => has(FRAME, '.messages'))
  }

  async function send(text: string) {
    await browser.type('#message', text)
    await browser.click(`document.querySelector('.composer__send')`)
  }

  /** By the link in the frame. */
  async function openMessage(text: string) {
    const message = `[...${FRAME}.querySelectorAll('.message')].find(({ textContent }) => textContent.includes(${JSON.stringify(text)}))`
    await until(() => browser.read<boolean>(`!!${message}`).catch(() => false))
    await browser.click(`${message}.querySelector('[data-menu]')`)
    await until(() => has('document', '.actions'))
  }

  async function back(path = `/chats/${uri}`) {
    await browser.open(site.url + path)
    await until(() => (path === '/' ? says('document', 'Welcome ann!') : has(FRAME, '.messages')))
  }

  /** Whether an element of a document is there. Nothing can be read while a page makes way for the next. */
  function has(inside: string, selector: string): Promise<boolean> {
    return browser.read<boolean>(`!!${inside}?.querySelector('${selector}')`).catch(() => false)
  }

  /** Whether a document, or an element, has the words, however they are broken into lines. */
  async function says(inside: string, words: string): Promise<boolean> {
    const text = await browser.read<string>(`(${inside}?.body ?? ${inside})?.textContent ?? ''`).catch(() => '')
    return text.replace(/\s+/g, ' ').includes(words)
  }

  function texts(): Promise<string[]> {
    return browser.read(`[...${FRAME}.querySelectorAll('.message__text')].map(text => text.textContent)`)
  }
})
