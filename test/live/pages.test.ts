import assert from 'node:assert/strict'
import type { BrowserContext, Locator, Page } from 'playwright'
import { LIMITS } from '../../src/config.js'
import { composer, followsStream, isInView, log, member, pausedWord, person, shown, topOf } from '../support/browser.js'
import { openProxy, POLLS, type SiteProxy, STREAMS } from '../support/proxy.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('the chat page and its stream', () => {
  let site: Site
  let proxy: SiteProxy
  let bob: Program
  let uri: string
  let page: Page
  let ann: Awaited<ReturnType<typeof person>>
  let limited: Site | undefined
  let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
    const { context } = await member(site, 'ann')
    signedIn = await context.storageState()
    await context.close()
  })
  after(() => site.close())

  beforeEach(async () => {
    proxy = await openProxy(site)
    uri = await bob.startChat()
    ann = await person(proxy, { storageState: signedIn })
    page = ann.page
  })
  afterEach(async () => {
    await ann.context.close()
    await proxy.close()
    await limited?.close()
    limited = undefined
  })

  it('shows what another person sends at once', async function () {
    await open()
    const other = await member(proxy, 'carl', { uri })

    const delays: number[] = []
    for (let n = 0; n < 10; n++) {
      await composer(other.page).fill(`hello ${n}`)
      delays.push(await delayOf(`hello ${n}`, () => composer(other.page).press('Enter')))
    }
    await assertPushed('by push')
    tell(this, `${median(delays)} ms from the key to the other page, ${Math.max(...delays)} ms at most`)
    assert.deepEqual([...ann.complaints, ...other.complaints], [])
    await other.context.close()
  })

  it('asks seldom while the stream lives, after something was sent as well', async () => {
    // The page's time goes on only as it is told to, however long all this takes.
    await page.clock.install()
    await page.clock.pauseAt(Date.now() + 3_600_000)
    await page.goto(`/chats/${uri}`)
    const follows = page.locator('.tail--slow')
    await inSmallSteps(follows)
    assert.equal(await pollsIn(19_000), 0, 'having read')

    await bob.post(uri, 'theirs')
    await inSmallSteps(log(page).getByText('theirs', { exact: true }))
    await send('mine')
    await inSmallSteps(page.locator('#messages').getByText('mine', { exact: true }))
    await inSmallSteps(follows)
    assert.equal(await pollsIn(19_000), 0, 'having sent')
    assert.equal(await pollsIn(2_000), 1, 'from time to time')
    assert.deepEqual(ann.complaints, [])
  })

  it('shows what is new by polls where no stream can be opened, and says that live updates are paused @long', async function () {
    proxy.refuse(STREAMS)
    await page.goto(`/chats/${uri}`)
    assert.equal(await isVisible(pausedWord(page)), false, 'at first')
    // The longest wait is that of a message which comes right after a poll.
    await page.waitForResponse('**/messages?after=*')
    const delay = await delayOf('by poll')
    tell(this, `${delay} ms to the page`)
    await until(() => isVisible(pausedWord(page)))
    assert.match(await wordOf(pausedWord(page)), /Live updates are paused/)
  })

  for (const [how, block] of Object.entries({
    'was refused': () => {
      proxy.refuse(STREAMS)
      return () => proxy.admit()
    },
    'was cut': async () => {
      await page.route('**/live?*', route => route.abort())
      return () => page.unroute('**/live?*')
    },
  })) {
    it(`opens the stream later when the first try ${how} @long`, async () => {
      const unblock = await block()
      await page.clock.install()
      await page.goto(`/chats/${uri}`)
      await page.waitForResponse('**/messages?after=*')
      assert.equal(proxy.open(STREAMS), 0)
      await unblock()
      await page.clock.runFor(31_000)
      await followsStream(page)
      await assertPushed('by push after all')
    })
  }

  it('polls fast as soon as the stream breaks off, follows a new one when it can, and loses nothing @long', async function () {
    await open()
    proxy.refuse(STREAMS)
    assert.equal(proxy.cut(STREAMS), 1)
    const delay = await delayOf('while it is broken')
    tell(this, `${delay} ms to the page`)
    await until(() => isVisible(pausedWord(page)))
    proxy.admit()
    await followsStream(page)
    assert.equal(await isVisible(pausedWord(page)), false)
    await assertPushed('by push again')

    // A cut that lets the next stream through at once is hardly noticed.
    assert.equal(proxy.cut(STREAMS), 1)
    await delayOf('in between')
    await until(() => proxy.open(STREAMS) === 1)
    await followsStream(page)
    await assertPushed('by push once more')
    await assertComplete()
  })

  it('notices within 20 s when the stream falls silent without a word, and polls fast then', async () => {
    await page.clock.install()
    await open()
    assert.equal(proxy.silence(STREAMS), 1)
    await bob.post(uri, 'unheard')
    await page.clock.runFor(20_000)
    await log(page).getByText('unheard', { exact: true }).waitFor()
    assert.ok((await pollsIn(4_000)) > 0)
  })

  it('closes the stream in the background and misses nothing when it is back', async () => {
    await open()
    await bob.post(uri, 'before')
    await turn('hidden')
    await until(() => proxy.open(STREAMS) === 0)
    await bob.post(uri, 'hidden one')
    await bob.post(uri, 'hidden two')
    await delayOf('hidden two', () => turn('visible'))
    await followsStream(page)
    await assertPushed('visible again')
    await assertComplete()
    assert.deepEqual(ann.complaints, [])
  })

  it('leaves typed text, focus and selection alone, and the place of who reads further up', async () => {
    for (let n = 1; n <= 40; n++) {
      await bob.post(uri, `line ${n}`)
    }
    await open()
    await composer(page).fill('half typed')
    await composer(page).evaluate(field => (field as HTMLTextAreaElement).setSelectionRange(2, 5))
    await delayOf('follows')
    await until(() => isInView(page, 'follows'))

    await log(page).evaluate(log => {
      log.scrollTop = -600
    })
    const reading = await log(page).evaluate(log => log.scrollTop)
    const place = await topOf(page, 'line 20')
    for (let n = 1; n <= 5; n++) {
      await delayOf(`more ${n}`)
    }
    assert.ok(reading < -500)
    assert.ok(Math.abs((await topOf(page, 'line 20')) - place) <= 1)
    await page.getByRole('button', { name: 'New message' }).click()
    await until(() => isInView(page, 'more 5'))
    assert.equal(await page.getByRole('button', { name: 'New message' }).isVisible(), false)
    const selection = await composer(page).evaluate(field => {
      const { value, selectionStart, selectionEnd } = field as HTMLTextAreaElement
      return [value, selectionStart, selectionEnd, field === document.activeElement]
    })
    assert.deepEqual(selection, ['half typed', 2, 5, true])
    assert.deepEqual(ann.complaints, [])
  })

  it('counts who joins', async () => {
    await open()
    await page.locator('#members').getByText('2 members', { exact: true }).waitFor({ state: 'attached' })
    const dora = await signUpProgram(site, `dora${Date.now()}`)
    await dora.join(uri)
    await page.locator('#members').getByText('3 members', { exact: true }).waitFor({ state: 'attached' })
    await log(page)
      .getByText(/^dora\d+ joined/)
      .waitFor()
    assert.deepEqual(ann.complaints, [])
  })

  it('says so when its reader signs out in another tab, and keeps what is typed', async () => {
    // Signing out ends the session: this test has one of its own.
    const { context, page } = await member(proxy, 'eve', { uri })
    await composer(page).fill('half typed')
    const other = await context.newPage()
    await other.goto('/')
    await other.getByRole('button', { name: 'Sign Out' }).click()
    await other.getByRole('heading', { name: 'Welcome to the Chatire!' }).waitFor()
    await page.getByRole('alert').getByText('You are signed out.').waitFor()
    assert.equal(await composer(page).inputValue(), 'half typed')
    assert.equal(new URL(page.url()).pathname, `/chats/${uri}`)
    await context.close()
  })

  it('leads a removed member away at once', async () => {
    await open()
    await removeMember(site, uri, 'ann')
    await page.waitForURL(url => url.pathname === '/')
  })

  it('takes back what it said of a stream that was refused, once one is open', async () => {
    limited = await openSite({ LIMITS: 'on' }, site)
    const { url, live } = limited
    await open()
    const cookie = signedIn.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const others = new AbortController()
    for (let n = 0; n < LIMITS.streams.perSession; n++) {
      const headers = { cookie, accept: 'text/event-stream' }
      assert.equal((await fetch(`${url}/chats/${uri}/live`, { headers, signal: others.signal })).status, 200)
    }
    await page.clock.install()
    const [refused] = await Promise.all([page.waitForResponse(`${url}/**/live?*`), page.goto(`${url}/chats/${uri}`)])
    assert.equal(refused.status(), 503)
    others.abort()
    await until(() => live.streams.size === 0)
    await page.clock.fastForward(31_000)
    await followsStream(page)
    assert.equal(await page.getByRole('alert').innerText(), '')
  })

  /** Opens the chat and waits until the page follows its stream. */
  async function open() {
    await page.goto(`/chats/${uri}`)
    await followsStream(page)
  }

  /** Lets the page's time, which stands still, go on until there is such an element. */
  async function inSmallSteps(expected: Locator) {
    await until(async () => {
      await page.clock.runFor(50)
      return (await expected.count()) > 0
    })
  }

  /** How long it takes from the act, if none is given from Bob's post of the text, until the text is in the page, in milliseconds. */
  async function delayOf(text: string, act: () => Promise<unknown> = () => bob.post(uri, text)): Promise<number> {
    const there = shown(page, text)
    const begun = performance.now()
    await Promise.all([there, act()])
    return Math.round(performance.now() - begun)
  }

  async function send(text: string) {
    await composer(page).fill(text)
    await composer(page).press('Enter')
  }

  /** Lets the page's clock run ahead, and counts how often the page asked meanwhile. */
  async function pollsIn(milliseconds: number): Promise<number> {
    const before = proxy.asked.length
    await page.clock.runFor(milliseconds)
    // What was asked for by now came before this, also where it opened a connection.
    for (let n = 0; n < 3; n++) {
      await page.evaluate(() => fetch('/up').then(answer => answer.text()))
    }
    return proxy.asked.slice(before).filter(path => POLLS.test(path)).length
  }

  async function assertPushed(text: string) {
    proxy.refuse(POLLS)
    await delayOf(text)
    proxy.admit()
    await followsStream(page)
  }

  async function assertComplete() {
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/?limit=1000`)
    assert.deepEqual(
      await page.locator('#messages .message').evaluateAll(items => items.map(({ id }) => id)),
      json.messages.map(({ id }: { id: number }) => `message-${id}`),
    )
  }

  /** What a browser does to a page whose tab is left, and is looked at again. */
  async function turn(visibilityState: 'hidden' | 'visible') {
    await page.evaluate(visibilityState => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: visibilityState === 'hidden' })
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState })
      document.dispatchEvent(new Event('visibilitychange'))
    }, visibilityState)
  }
})

type Word = ReturnType<typeof pausedWord>

/** The word is the style's, so that there is no text whose visibility could be asked for. */
function isVisible(word: Word): Promise<boolean> {
  return word.evaluate(element => getComputedStyle(element, '::before').visibility === 'visible')
}

function wordOf(word: Word): Promise<string> {
  return word.evaluate(element => getComputedStyle(element, '::before').content)
}

/** Adds a measured figure to the test's name. */
function tell(context: Mocha.Context, figure: string) {
  if (context.test) context.test.title += ` (${figure})`
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
