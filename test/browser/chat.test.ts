import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, followsStream, isInView, log, member, person, topOf, withoutStream } from '../support/browser.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram } from '../support/visitor.js'

describe('the chat page with htmx', () => {
  let site: Site
  let bob: Program
  let uri: string
  let page: Page
  let ann: Awaited<ReturnType<typeof member>>
  let count = 0

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())

  beforeEach(async () => {
    ann = await member(site, `ann${++count}`)
    page = ann.page
    uri = ann.uri
    await bob.join(uri)
  })
  afterEach(() => ann.context.close())

  it('sends by Enter without reloading, keeps the focus, shows the message at once, and breaks lines by Shift+Enter', async () => {
    await page.evaluate(() => Object.assign(window, { same: true }))
    await composer(page).pressSequentially('one')
    await page.keyboard.press('Shift+Enter')
    await composer(page).pressSequentially('two')
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), '')
    await page.locator('#messages').getByText('one').waitFor()
    assert.match(await page.locator('#messages').getByText('one').innerHTML(), /one<br>two/)
    assert.equal(await page.evaluate(() => 'same' in window), true)
    assert.equal(await composer(page).evaluate(field => field === document.activeElement), true)
    assert.equal(await page.getByLabel('Being sent').locator('li').count(), 0)
    assert.deepEqual(ann.complaints, [])
  })

  it('shows a message before the server has answered, and frees the composer for the next', async () => {
    const held = await holdPosts(page)
    await send(page, 'slow one')
    await page.getByLabel('Being sent').getByText('slow one').waitFor()
    await send(page, 'slow two')
    await send(page, 'slow three')
    await composer(page).pressSequentially('typing on')
    held.release()
    await page.locator('#messages').getByText('slow three').waitFor()
    const texts = await page.locator('#messages .message__text').allTextContents()
    assert.deepEqual(texts, ['slow one', 'slow two', 'slow three'])
    assert.equal(await composer(page).inputValue(), 'typing on')
    assert.equal(await page.getByLabel('Being sent').locator('li').count(), 0)
  })

  it('takes the typed text away when the message comes by the stream before the answer, whatever Markdown made of it', async () => {
    await followsStream(page)
    const typed = '7. [words](https://example.org/a) and `code` \\*\n\n```js\nif (x)\n    y()\n```'
    // The answer is held back, not the post.
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    await page.route('**/messages', async route => {
      const response = await route.fetch()
      await released
      await route.fulfill({ response })
    })
    await send(page, typed)
    await page.locator('#messages').getByRole('link', { name: 'words' }).waitFor()
    assert.equal(await page.getByLabel('Being sent').locator('li').count(), 0)
    // A stream's lines are put together anew, and the code keeps its own.
    assert.equal(await page.locator('#messages pre').textContent(), 'if (x)\n    y()')
    release()
    assert.deepEqual(ann.complaints, [])
  })

  it('gets what others write by polling, and leaves typed text, focus and selection alone', async () => {
    await withoutStream(page)
    await page.reload()
    await composer(page).fill('half typed')
    await composer(page).evaluate(field => (field as HTMLTextAreaElement).setSelectionRange(2, 5))
    await bob.post(uri, 'while you type')
    await log(page).getByText('while you type').waitFor()
    assert.equal(await composer(page).inputValue(), 'half typed')
    const selection = await composer(page).evaluate(field => {
      const area = field as HTMLTextAreaElement
      return [area.selectionStart, area.selectionEnd, area === document.activeElement]
    })
    assert.deepEqual(selection, [2, 5, true])
    await page.locator('#members').getByText('2 members').waitFor({ state: 'attached' })
  })

  it('shows every message once and in order while both sides write and polls and answers cross', async () => {
    const theirs = (async () => {
      for (let n = 0; n < 30; n++) {
        await bob.post(uri, `theirs ${n}`)
      }
    })()
    for (let n = 0; n < 15; n++) {
      await send(page, `mine ${n}`)
    }
    await theirs
    await bob.post(uri, 'the last')
    await log(page).getByText('the last', { exact: true }).waitFor()
    await page.locator('#messages').getByText('mine 14', { exact: true }).waitFor()
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/?limit=1000`)
    const ids = await page.locator('#messages .message').evaluateAll(items => items.map(({ id }) => id))
    assert.deepEqual(
      ids,
      json.messages.map(({ id }: { id: number }) => `message-${id}`),
    )
    assert.equal(json.messages.length, 46)
  })

  it('says that the session has ended, and sends what waited once its writer is back', async () => {
    await ann.context.request.post('/logout', { form: { csrf: await csrf(page) } })
    await send(page, 'not lost')
    await page.getByRole('alert').getByText('You are signed out.').waitFor()
    await page.getByLabel('Being sent').getByText('not lost').waitFor()
    await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).click()
    await page.getByLabel('Username').fill(`ann${count}`)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign In' }).click()
    await page.locator('#messages').getByText('not lost').waitFor()
    assert.equal(await composer(page).inputValue(), '')
  })

  it('leads from a page of older messages to the newest when something is sent there', async () => {
    await fill(3)
    await page.goto(`/chats/${uri}?before=4`)
    await send(page, 'from the past')
    await page.waitForURL(url => url.search === '')
    await log(page).getByText('from the past').waitFor()
  })

  it('says what is wrong once, however often a poll fails, and when there is no word from us @long', async () => {
    await withoutStream(page)
    await page.reload()
    let polls = 0
    await page.route('**/messages?after=*', route => {
      polls++
      return route.fulfill({ status: 502, body: 'Bad gateway' })
    })
    const sentence = page.getByRole('alert').getByText('New messages are late.')
    await sentence.waitFor()
    await sentence.evaluate(line => Object.assign(line, { same: true }))
    const seen = polls
    await page.waitForRequest('**/messages?after=*')
    await page.waitForResponse('**/messages?after=*')
    assert.ok(polls > seen)
    assert.equal(await sentence.evaluate(line => 'same' in line), true)
    await page.unroute('**/messages?after=*')
    await sentence.waitFor({ state: 'detached' })
  })

  it('goes on polling through an outage, says so meanwhile, and misses nothing @long', async () => {
    await withoutStream(page)
    await page.reload()
    await page.route('**/messages?after=*', route => route.abort())
    await bob.post(uri, 'during the outage')
    await page.getByRole('alert').getByText('The connection is lost.').waitFor()
    await page.unroute('**/messages?after=*')
    await log(page).getByText('during the outage').waitFor()
    await page.getByText('The connection is lost.').waitFor({ state: 'detached' })
  })

  it('follows the end for a reader who is there, and otherwise offers a button and moves nothing', async () => {
    await fill(60)
    await page.reload()
    await log(page).getByText('line 60', { exact: true }).waitFor()
    await until(() => isInView(page, 'line 60'))
    await bob.post(uri, 'follows')
    await log(page).getByText('follows').waitFor()
    await until(() => isInView(page, 'follows'))

    await log(page).hover()
    await page.mouse.wheel(0, -1500)
    await log(page).getByText('line 30', { exact: true }).scrollIntoViewIfNeeded()
    const before = await topOf(page, 'line 30')
    await bob.post(uri, 'does not move')
    await page.getByRole('button', { name: 'New message' }).waitFor()
    assert.ok(Math.abs((await topOf(page, 'line 30')) - before) <= 1)
    await page.getByRole('button', { name: 'New message' }).click()
    await until(() => isInView(page, 'does not move'))
    assert.equal(await page.getByRole('button', { name: 'New message' }).isVisible(), false)
  })

  it('loads older messages in place without moving what is being read', async () => {
    await fill(120)
    await page.reload()
    const older = page.getByRole('link', { name: 'Older messages' })
    await older.scrollIntoViewIfNeeded()
    const before = await topOf(page, 'line 71')
    // What ends the busy time is that they are there, and no poll.
    await page.route('**/messages?after=*', () => {})
    await older.click()
    await log(page).getByText('line 21', { exact: true }).waitFor()
    await until(async () => (await log(page).getAttribute('aria-busy')) === 'false')
    await page.unrouteAll()
    assert.ok(Math.abs((await topOf(page, 'line 71')) - before) <= 1, `${before} ${await topOf(page, 'line 71')}`)
    await page.getByRole('link', { name: 'Older messages' }).click()
    await log(page).getByText('line 1', { exact: true }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Older messages' }).count(), 0)
    const texts = await page.locator('#messages .message__text').allTextContents()
    assert.deepEqual(
      texts,
      Array.from({ length: 120 }, (_, n) => `line ${n + 1}`),
    )
    assert.equal(await page.locator('#messages .day').count(), 1, 'one day, said once')
  })

  it('says times and days as the reader has them', async () => {
    await site.pool.query(
      `insert into events (chat_id, version, kind, author_id, text, created_at)
         select c.id, c.version + n, 'message', c.owner_id, 'at ' || n, timestamptz '2026-03-01 20:00Z' + n * interval '1 hour'
         from chats c join links on chat_id = c.id, generate_series(1, 4) n where uri = $1`,
      [uri],
    )
    await site.pool.query(`update chats c set version = version + 4 from links where chat_id = c.id and uri = $1`, [
      uri,
    ])
    const tokyo = await person(site, {
      timezoneId: 'America/New_York',
      locale: 'en-GB',
      storageState: await ann.context.storageState(),
    })
    await tokyo.page.goto(`/chats/${uri}`)
    const first = tokyo.page.locator('.message').filter({ hasText: 'at 4' })
    await first.locator('time', { hasText: /^19:00$/ }).waitFor()
    // In UTC there is a midnight between them; five hours west there is none.
    const days = await tokyo.page.locator('.day').allTextContents()
    assert.equal(days.filter(day => /1 March/.test(day)).length, 1)
    await tokyo.context.close()
  })

  it('tells a removed member so, and keeps what they wrote', async () => {
    const held = await holdPosts(page)
    await send(page, 'on its way')
    await composer(page).fill('half a sent')
    await removeMember(site, uri, `ann${count}`)
    await page.getByRole('heading', { name: /^You were removed from / }).waitFor()
    assert.equal(await page.getByLabel('Your message was not sent.').inputValue(), 'on its way\n\nhalf a sent')
    assert.equal(await composer(page).count(), 0)
    held.release()
    // Loading it again does not join the chat again.
    await page.reload()
    await page.getByRole('heading', { name: `Welcome ann${count}!` }).waitFor()
    // Whoever is back finds it in the composer.
    await page.goto(`/chats/${uri}`)
    assert.equal(await composer(page).inputValue(), 'on its way\n\nhalf a sent')
  })

  it('tells a removed member so when they send something, before anything else does', async () => {
    await withoutStream(page)
    await page.reload()
    await page.route('**/messages?after=*', () => {})
    await removeMember(site, uri, `ann${count}`)
    await send(page, 'are you there?')
    await page.getByRole('heading', { name: /^You were removed from / }).waitFor()
    assert.equal(await page.getByLabel('Your message was not sent.').inputValue(), 'are you there?')
  })

  it('can be used by keyboard alone: to the composer first, and to the log', async () => {
    await page.goto(page.url())
    await page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await page.keyboard.press('Tab')
    await page.getByRole('link', { name: 'Skip to the composer' }).press('Enter')
    assert.match(page.url(), /#message$/)
    assert.equal(await composer(page).evaluate(field => field === document.activeElement), true)
  })

  for (const [name, viewport] of Object.entries({
    '320 px wide': { width: 320, height: 568 },
    'with a phone’s keyboard open': { width: 375, height: 340 },
  })) {
    it(`is usable ${name}: nothing overflows, composer and newest message are in view`, async () => {
      await page.setViewportSize(viewport)
      await fill(20)
      await bob.post(uri, `https://example.org/${'long'.repeat(60)}`)
      await page.reload()
      await log(page).getByText('line 20', { exact: true }).waitFor()
      const [width, scrolled] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth])
      assert.equal(scrolled, width)
      const box = await page.getByRole('button', { name: 'Send' }).boundingBox()
      assert.ok(box && box.y + box.height <= viewport.height && box.x + box.width <= viewport.width)
      const area = await log(page).boundingBox()
      assert.ok(area && area.height > 100, `${area?.height} px of messages`)
    })
  }

  async function send(page: Page, text: string) {
    await composer(page).fill(text)
    await page.keyboard.press('Enter')
  }

  /** Holds posts on their way to the server until they are let through, or cut. */
  async function holdPosts(page: Page) {
    let decide: (fate: 'release' | 'fail') => void = () => {}
    const fate = new Promise<'release' | 'fail'>(resolve => {
      decide = resolve
    })
    await page.route(
      '**/messages',
      async route => {
        await ((await fate) === 'release' ? route.continue() : route.abort())
        await page.unroute('**/messages')
      },
      { times: 1 },
    )
    return { release: () => decide('release'), fail: () => decide('fail') }
  }

  async function fill(lines: number) {
    for (let n = 1; n <= lines; n++) {
      await bob.post(uri, `line ${n}`)
    }
  }
})

function csrf(page: Page): Promise<string> {
  return page.locator('#composer input[name=csrf]').inputValue()
}
