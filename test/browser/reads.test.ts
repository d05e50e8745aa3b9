import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { isInView, log } from '../support/browser.js'
import { until } from '../support/server.js'
import { readersOfBob } from '../support/story.js'

describe('what is unread, in browsers', () => {
  const story = readersOfBob()

  for (const javaScriptEnabled of [true, false]) {
    describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript @long', () => {
      it('stands on the start page, then below a line in the chat, then nowhere @long', async () => {
        const { page } = await story.reader({ javaScriptEnabled })
        await story.bob.post(story.uri, 'read')
        await log(page, javaScriptEnabled).getByText('read', { exact: true }).waitFor()
        await leave(page)
        await page.goto('/')
        await story.bob.post(story.uri, 'unread one')
        await story.bob.post(story.uri, 'unread two')
        await until(async () => {
          await page.goto('/')
          return (await page.getByText('2 unread', { exact: true }).count()) === 1
        })
        await page.getByRole('link', { name: /unread two/ }).click()
        const list = log(page, javaScriptEnabled)
        await list.getByText('unread two', { exact: true }).waitFor()
        const texts = await list.locator('.message__text, .new').allTextContents()
        assert.deepEqual(
          texts.map(text => text.trim()),
          ['read', 'New', 'unread one', 'unread two'],
        )
        await leave(page)
        await page.goto('/')
        assert.equal(await page.getByText(/unread$/).count(), 0)
      })

      it('can be jumped to where it is older than what the page shows, and read on from there @long', async () => {
        const { page } = await story.reader({ javaScriptEnabled })
        await leave(page)
        await page.goto('/')
        for (let n = 1; n <= 60; n++) {
          await story.bob.post(story.uri, `line ${n}`)
        }
        await page.goto(`/chats/${story.uri}`, { waitUntil: 'commit' })
        await page.getByRole('link', { name: '60 new messages' }).click({ noWaitAfter: true })
        // The page's own list, in a browser without JavaScript too: this page does not grow.
        await log(page).getByText('line 1', { exact: true }).waitFor()
        await until(() => isInView(page, 'line 1'))
        assert.equal(await log(page).getByText('line 51', { exact: true }).count(), 0)
        await page.getByRole('link', { name: 'Newer messages' }).click()
        await log(page).getByText('line 60', { exact: true }).waitFor()
        await page.getByRole('link', { name: 'Go to the newest messages' }).click()
        await page.waitForURL(url => url.search === '', { waitUntil: 'commit' })
      })
    })
  }

  it('is told above the days, which it covers nowhere in the list @long', async () => {
    const { page } = await story.reader()
    await leave(page)
    await page.goto('/')
    for (let n = 1; n <= 60; n++) {
      await story.bob.post(story.uri, `line ${n}`)
    }
    await page.goto(`/chats/${story.uri}`)
    await page.getByRole('link', { name: '60 new messages' }).waitFor()
    const covered = await log(page).evaluate(list => {
      const pill = document.querySelector('.unread__link')?.getBoundingClientRect() as DOMRect
      const days = [...list.querySelectorAll('.day')]
      const places = Array.from(
        { length: 1 + Math.ceil((list.scrollHeight - list.clientHeight) / 8) },
        (_, n) => -8 * n,
      )
      return places.filter(place => {
        list.scrollTop = place
        const boxes = days.map(day => day.getBoundingClientRect())
        return boxes.length === 0 || boxes.some(({ top, bottom }) => top < pill.bottom && bottom > pill.top)
      })
    })
    assert.deepEqual(covered, [])
  })

  it('is read where it comes while the end of the page is in view, and not while one reads further up @long', async () => {
    const { page, complaints } = await story.reader()
    for (let n = 1; n <= 60; n++) {
      await story.bob.post(story.uri, `line ${n}`)
    }
    await log(page).getByText('line 60', { exact: true }).waitFor()
    await until(async () => (await unread()) === 0)
    await log(page).hover()
    await page.mouse.wheel(0, -1500)
    await log(page).getByText('line 30', { exact: true }).scrollIntoViewIfNeeded()
    await story.bob.post(story.uri, 'below')
    await page.getByRole('button', { name: 'New message' }).waitFor()
    const told = page.waitForRequest(`**/chats/${story.uri}/read`)
    assert.equal(await unread(), 1)
    await page.getByRole('button', { name: 'New message' }).click()
    await told
    await until(async () => (await unread()) === 0)
    assert.deepEqual(complaints, [])
  })

  it('is told seldom, however much comes @long', async () => {
    const { page } = await story.reader()
    let told = 0
    page.on('request', request => {
      told += request.url().endsWith('/read') ? 1 : 0
    })
    const begun = performance.now()
    for (let n = 1; n <= 40; n++) {
      await story.bob.post(story.uri, `line ${n}`)
      await log(page).getByText(`line ${n}`, { exact: true }).waitFor()
    }
    await until(async () => (await unread()) === 0)
    const took = performance.now() - begun
    assert.ok(told <= took / 2000 + 2, `${told} in ${took} ms`)
  })

  it('is counted in the title, below a line, while the page is not in front', async () => {
    const { page } = await story.reader()
    await goAway(page)
    for (let n = 1; n <= 3; n++) {
      await story.bob.post(story.uri, `meanwhile ${n}`)
    }
    await log(page).getByText('meanwhile 3', { exact: true }).waitFor()
    assert.match(await page.title(), /^\(3\) Chat started by bob/)
    assert.equal(await unread(), 3)
    const texts = await log(page).locator('.message__text, .new').allTextContents()
    assert.deepEqual(texts, ['New', 'meanwhile 1', 'meanwhile 2', 'meanwhile 3'])
    await comeBack(page)
    assert.match(await page.title(), /^Chat started by bob/)
    await until(async () => (await unread()) === 0)
  })

  it('stays unread while the page is not in front, however long, and is read once it is', async () => {
    const { page } = await story.reader()
    const told: string[] = []
    page.on('request', request => {
      if (request.method() === 'PUT') {
        told.push(request.url())
      }
    })
    await page.clock.install()
    await goAway(page)
    await story.bob.post(story.uri, 'meanwhile')
    await log(page).getByText('meanwhile', { exact: true }).waitFor()
    // All timers that were set by then are over.
    await page.clock.runFor(60_000)
    await page.evaluate(() => fetch('/up'))
    assert.deepEqual(told, [])
    assert.equal(await unread(), 1)
    await comeBack(page)
    const read = page.waitForResponse(`**/chats/${story.uri}/read`)
    await page.clock.runFor(60_000)
    assert.equal((await read).status(), 200)
    assert.equal(await unread(), 0)
  })

  it('is a few lines up where the list has it: the link scrolls there, and goes once it is in view @long', async () => {
    const { page } = await story.reader()
    await leave(page)
    await page.goto('/')
    for (let n = 1; n <= 40; n++) {
      await story.bob.post(story.uri, `line ${n}`)
    }
    await page.goto(`/chats/${story.uri}`)
    await page.getByRole('link', { name: '40 new messages' }).click()
    await page.getByRole('link', { name: '40 new messages' }).waitFor({ state: 'detached' })
    await until(() => isInView(page, 'line 1'))
    assert.equal(new URL(page.url()).search, '')
  })

  /** Goes to another page: what was read here is told by then. */
  async function leave(page: Page) {
    await page.goto('about:blank')
    await until(async () => (await unread()) === 0)
  }

  async function unread(): Promise<number> {
    const { rows } = await story.site.pool.query(
      `select count(*)::int from events e join links l on l.chat_id = e.chat_id
       join members m on m.chat_id = e.chat_id join users u on u.id = m.user_id
       where l.uri = $1 and u.username = $2 and e.kind = 'message' and e.version > m.last_read and e.author_id <> u.id`,
      [story.uri, `reader${story.count}`],
    )
    return rows[0].count
  }
})

/** Another tab is in front: headless browsers have every page in front. Without the event that would pause the stream. */
async function goAway(page: Page) {
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' })
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })
  })
}

async function comeBack(page: Page) {
  await page.evaluate(() => {
    Reflect.deleteProperty(document, 'visibilityState')
    Reflect.deleteProperty(document, 'hidden')
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('focus'))
  })
}
