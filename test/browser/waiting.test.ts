import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, followsStream, member } from '../support/browser.js'
import { openProxy, type SiteProxy } from '../support/proxy.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

const POSTS = '**/messages'

describe('what waits to be sent', () => {
  let site: Site
  let proxy: SiteProxy
  let bob: Program
  let ann: Awaited<ReturnType<typeof member>>
  let page: Page
  let uri: string
  let count = 0

  before(async () => {
    site = await openSite()
    proxy = await openProxy(site)
    bob = await signUpProgram(site, 'bob')
  })
  after(async () => {
    await proxy.close()
    await site.close()
  })
  beforeEach(async () => {
    uri = await bob.startChat()
    ann = await member({ url: proxy.url }, `ann${++count}`, { uri })
    page = ann.page
  })
  afterEach(() => ann.context.close())

  it('is there after a reload where the network hangs, and is sent in order once it does not', async () => {
    await ann.context.route(POSTS, () => {})
    for (const text of ['one', 'two', 'three']) {
      await send(page, text)
    }
    const warned = page.waitForEvent('dialog').then(async dialog => {
      await dialog.accept()
      return dialog.type()
    })
    await page.reload()
    assert.equal(await warned, 'beforeunload')
    assert.deepEqual(await waiting(page), ['one', 'two', 'three'])
    assert.deepEqual(await said(), [])
    await ann.context.unroute(POSTS)
    await page.reload()
    await came(page, 'three')
    assert.deepEqual(await waiting(page), [])
    assert.deepEqual(await said(), ['one', 'two', 'three'])
  })

  it('is sent by itself when a server that was stopped is back, which the page says and takes back @long', async () => {
    proxy.leadTo(undefined)
    proxy.cut(/./)
    const stopped = performance.now()
    await page.getByRole('alert').getByText('The connection is lost.').waitFor()
    const noticed = performance.now()
    await send(page, 'first')
    await send(page, 'second')
    assert.deepEqual(await waiting(page), ['first', 'second'])
    const other = await openSite({}, site)
    proxy.leadTo(other.url)
    const back = performance.now()
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' })
    console.log(`      said after ${since(stopped, noticed)}, taken back after ${since(back)}`)
    await came(page, 'second')
    assert.deepEqual(await waiting(page), [])
    assert.deepEqual(await said(), ['first', 'second'])
    await followsStream(page)
    proxy.leadTo(site.url)
    await ann.context.close()
    await other.close()
  })

  it('is sent by itself as soon as the browser is online again', async () => {
    await page.clock.install()
    await page.reload()
    await followsStream(page)
    const begun = performance.now()
    await ann.context.setOffline(true)
    await page.getByRole('alert').getByText('The connection is lost.').waitFor()
    const noticed = performance.now()
    await send(page, 'from the tunnel')
    assert.deepEqual(await waiting(page), ['from the tunnel'])
    // No timer runs from here on.
    await page.clock.pauseAt(Date.now() + 1000)
    await ann.context.setOffline(false)
    const back = performance.now()
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' })
    console.log(`      said after ${since(begun, noticed)}, taken back after ${since(back)}`)
    await came(page, 'from the tunnel')
    assert.deepEqual(await said(), ['from the tunnel'])
  })

  it('is sent from two pages of one chat, each its own words, and the draft of one stays where the other sends @long', async () => {
    const other = await open()
    await composer(page).fill('words of one')
    await composer(other).fill('words of the other')
    await Promise.all([composer(page).press('Enter'), composer(other).press('Enter')])
    await came(page, 'words of the other')
    await came(other, 'words of one')
    assert.deepEqual((await said()).sort(), ['words of one', 'words of the other'])
    assert.deepEqual([...(await waiting(page)), ...(await waiting(other))], [])

    await composer(page).fill('a draft')
    await send(other, 'sent meanwhile')
    await came(page, 'sent meanwhile')
    await page.reload()
    assert.equal(await composer(page).inputValue(), 'a draft')
    // A page that opens beside it does not take it away for good.
    const third = await open()
    await until(async () => (await composer(third).inputValue()) === '')
    await page.reload()
    assert.equal(await composer(page).inputValue(), 'a draft')
  })

  it('goes on from another page where its own was closed @long', async () => {
    await page.route(POSTS, () => {})
    await send(page, 'left behind')
    const other = await open()
    await came(other, 'left behind')
    await until(async () => (await waiting(page)).length === 0)
    await page.close()
    assert.deepEqual(await said(), ['left behind'])
  })

  it('keeps its order where several pages send it at once @long', async () => {
    await ann.context.route(POSTS, () => {})
    const texts = Array.from({ length: 12 }, (_, n) => `line ${n}`)
    for (const text of texts) {
      await send(page, text)
    }
    const others = [await open(), await open()]
    await ann.context.unroute(POSTS)
    await Promise.all([page, ...others].map(one => one.reload()))
    await came(page, 'line 11')
    assert.deepEqual(await said(), texts)
    for (const one of [page, ...others]) {
      await until(async () => (await waiting(one)).length === 0)
    }
  })

  it('is neither shown to nor sent by another user of the browser, and goes on when its writer is back @long', async () => {
    await leaveWaiting('of ann alone')
    await ann.context.clearCookies()
    await signIn(await new Visitor(site).signUp(`cleo${count}`))
    await page.goto(`/chats/${uri}`)
    await followsStream(page)
    assert.deepEqual(await waiting(page), [])
    await send(page, 'of cleo')
    await came(page, 'of cleo')
    assert.deepEqual(await said(), ['of cleo'])
    await ann.context.clearCookies()
    await signIn(await back())
    await page.goto(`/chats/${uri}`)
    await came(page, 'of ann alone')
    assert.deepEqual(await said(), ['of cleo', 'of ann alone'])
  })

  it('is not sent from an open page under the name of who signed in meanwhile', async () => {
    await ann.context.clearCookies()
    const cleo = await new Visitor(site).signUp(`cleo${count}`)
    await cleo.get(`/chats/${uri}`)
    await signIn(cleo)
    const loaded = page.waitForEvent('load')
    await send(page, 'of ann alone')
    // The page is loaded again, and is Cleo's.
    await loaded
    await page.getByRole('link', { name: `cleo${count}` }).waitFor()
    await followsStream(page)
    assert.deepEqual(await waiting(page), [])
    assert.deepEqual(await said(), [])
  })

  it('goes on after a reload where its writer has signed in again elsewhere in the browser', async () => {
    await ann.context.clearCookies()
    await signIn(await back())
    await send(page, 'stale token')
    await came(page, 'stale token')
    assert.deepEqual(await said(), ['stale token'])
  })

  it('asks before signing out, which clears it', async () => {
    await ann.context.route(POSTS, () => {})
    await send(page, 'one')
    await send(page, 'two')
    const asked: string[] = []
    page.on('dialog', async dialog => {
      asked.push(dialog.message())
      await (asked.length === 1 ? dialog.dismiss() : dialog.accept())
    })
    await page.getByRole('button', { name: 'Sign Out' }).click()
    assert.deepEqual(asked, ['2 messages are not sent yet. Sign out, and lose them?'])
    assert.deepEqual(await waiting(page), ['one', 'two'])
    await page.getByRole('button', { name: 'Sign Out' }).click()
    await page.waitForURL(url => url.pathname === '/')
    assert.equal(asked.length, 2)
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0)
    await ann.context.unroute(POSTS)
    await signIn(await back())
    await page.goto(`/chats/${uri}`)
    await followsStream(page)
    assert.deepEqual(await said(), [])
  })

  it('is kept by the page where the browser keeps nothing, and leaving warns', async () => {
    await page.addInitScript(() => {
      Storage.prototype.setItem = () => {
        throw new Error('Nothing is kept here')
      }
    })
    await page.reload()
    await page.route(POSTS, () => {})
    await send(page, 'on paper')
    assert.equal(await page.evaluate(() => localStorage.length), 0)
    const warned = page.waitForEvent('dialog').then(async dialog => {
      await dialog.dismiss()
      return dialog.type()
    })
    await page.evaluate(() => setTimeout(() => location.assign('/')))
    assert.equal(await warned, 'beforeunload')
    assert.deepEqual(await waiting(page), ['on paper'])
    await page.unroute(POSTS)
    await ann.context.setOffline(true)
    await ann.context.setOffline(false)
    await came(page, 'on paper')
    await page.goto('/')
  })

  it('does not go by itself an hour later, but when its writer says so', async () => {
    await leaveWaiting('an hour ago')
    await page.goto('/')
    await page.evaluate(() => {
      const name = Object.keys(localStorage).find(name => name.startsWith('waits of')) as string
      const message = JSON.parse(localStorage.getItem(name) as string)
      localStorage.removeItem(name)
      message.at -= 3_600_000
      localStorage.setItem(name.replace(/ at \d+/, ` at ${message.at}`), JSON.stringify(message))
    })
    await page.goto(`/chats/${uri}`)
    await followsStream(page)
    await send(page, 'now')
    await came(page, 'now')
    assert.deepEqual(await waiting(page), ['an hour ago'])
    await page.getByRole('button', { name: 'Not sent. Try again' }).click()
    await came(page, 'an hour ago')
    assert.deepEqual(await said(), ['now', 'an hour ago'])
  })

  it('waits on a page of older messages until something is sent there @long', async () => {
    await leaveWaiting('from before')
    await page.goto(`/chats/${uri}?before=2`)
    assert.deepEqual(await waiting(page), ['from before'])
    await send(page, 'from the past')
    // Each answer leads to the newest messages, so that one navigation may end another.
    await until(() => new URL(page.url()).search === '')
    await came(page, 'from the past')
    assert.deepEqual(await said(), ['from before', 'from the past'])
  })

  async function send(page: Page, text: string) {
    await composer(page).fill(text)
    await composer(page).press('Enter')
  }

  /**
   * Leaves something waiting, as a page does that is closed before it has reached the server. It is written down here: requests that a
   * test holds back go on as soon as their page is left.
   */
  async function leaveWaiting(text: string) {
    const slot = await composer(page).evaluate(text => {
      const form = text.closest('form') as HTMLFormElement
      return `waits of ${form.dataset.composer} in ${form.getAttribute('action')} at`
    })
    await page.goto('/help')
    await page.evaluate(
      ([slot, text]) => {
        const message = { key: crypto.randomUUID(), text, at: Date.now() }
        localStorage.setItem(`${slot} ${message.at} ${message.key}`, JSON.stringify(message))
      },
      [slot, text],
    )
  }

  async function came(page: Page, text: string) {
    await page.locator('#messages').getByText(text, { exact: true }).waitFor()
  }

  async function waiting(page: Page): Promise<string[]> {
    return page.getByLabel('Being sent').locator('.message__text').allTextContents()
  }

  async function said(): Promise<string[]> {
    const { messages } = (await bob.call('GET', `/api/chats/${uri}/messages/`)).json
    return messages.map(({ message }: { message: string }) => message)
  }

  /** Another page of the chat in Ann's browser. */
  async function open(): Promise<Page> {
    const other = await ann.context.newPage()
    await other.goto(`/chats/${uri}`)
    await followsStream(other)
    return other
  }

  /** Ann, who has signed in again. */
  async function back(): Promise<Visitor> {
    const visitor = new Visitor(site)
    await visitor.get('/login')
    assert.equal((await visitor.post('/login', { username: `ann${count}`, password: PASSWORD })).status, 303)
    return visitor
  }

  async function signIn(visitor: Visitor) {
    await ann.context.addCookies([...visitor.cookies].map(([name, value]) => ({ name, value, url: proxy.url })))
  }
})

function since(from: number, to = performance.now()): string {
  return `${((to - from) / 1000).toFixed(1)} s`
}
