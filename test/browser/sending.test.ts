import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, member } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program } from '../support/visitor.js'

describe('a message on its way', () => {
  let site: Site
  let ann: Awaited<ReturnType<typeof member>>
  let page: Page
  /** Ann's other device. */
  let elsewhere: Program
  let uri: string
  let count = 0

  before(async () => {
    site = await openSite()
  })
  after(() => site.close())
  beforeEach(async () => {
    const username = `ann${++count}`
    ann = await member(site, username)
    page = ann.page
    uri = ann.uri
    const { json } = await new Program(site).call('POST', '/auth/token/create/', { username, password: PASSWORD })
    elsewhere = new Program(site, json.auth_token)
  })
  afterEach(() => ann.context.close())

  it('stands there until itself has come, whatever else its writer says meanwhile', async () => {
    const release = await holdPosts()
    await send('the same')
    await send('the same and more')
    for (const text of ['same', 'the same', 'the same and more']) {
      await elsewhere.post(uri, text, { 'idempotency-key': text.replaceAll(' ', '-') })
      await came(text)
    }
    assert.deepEqual(await waiting(), ['the same', 'the same and more'])
    release()
    await page.locator('#messages').getByText('the same and more', { exact: true }).nth(1).waitFor()
    assert.deepEqual(await waiting(), [])
    assert.deepEqual(await said(), ['same', 'the same', 'the same and more', 'the same', 'the same and more'])
    assert.equal(await page.locator('#messages').getByText('the same', { exact: true }).count(), 2)
    assert.deepEqual(ann.complaints, [])
  })

  it('goes where it comes by the stream before its answer, from among others that wait', async () => {
    const release = await holdAnswers()
    await send('first')
    await send('second')
    await came('first')
    assert.deepEqual(await waiting(), ['second'])
    release()
    await came('second')
    assert.deepEqual(await said(), ['first', 'second'])
  })

  it('is another one once it was mended, where it was refused for good', async () => {
    await composer(page).fill('x'.repeat(2001))
    const key = await keyOf()
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('At most 2000 characters.').waitFor()
    assert.equal(await composer(page).inputValue(), 'x'.repeat(2001))
    assert.notEqual(await keyOf(), key)
  })

  it('is sent again by itself where its answer was lost, and is there once', async () => {
    let tries = 0
    await page.route('**/messages', async route => {
      if (++tries === 1) {
        await route.fetch()
        await route.abort()
      } else {
        await route.fallback()
      }
    })
    await send('only once')
    assert.equal(await composer(page).inputValue(), '')
    await came('only once')
    await until(async () => (await waiting()).length === 0)
    await send('the next')
    await came('the next')
    assert.deepEqual(await said(), ['only once', 'the next'])
  })

  it('stays in sight where it was refused while something else is typed, to be tried again or mended', async () => {
    const release = await holdPosts()
    await send('x'.repeat(2001))
    await send('after it')
    await composer(page).fill('something else')
    release()
    await came('after it')
    await page.getByRole('alert').getByText('At most 2000 characters').waitFor()
    assert.deepEqual(await waiting(), ['x'.repeat(2001)])
    await page.reload()
    assert.deepEqual(await waiting(), ['x'.repeat(2001)])
    await page.getByRole('button', { name: 'Not sent. Try again' }).click()
    await page.getByRole('alert').getByText('At most 2000 characters').waitFor()
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    assert.equal(await composer(page).inputValue(), `${'x'.repeat(2001)}\n\nsomething else`)
    assert.deepEqual(await waiting(), [])
    await send('mended')
    await came('mended')
    assert.deepEqual(await said(), ['after it', 'mended'])
  })

  it('waits as long as the server asks for, and says why, whatever is sent meanwhile @long', async () => {
    const tries: number[] = []
    await page.route('**/messages', route =>
      tries.push(performance.now()) === 1
        ? route.fulfill({
            status: 429,
            headers: { 'Retry-After': '3' },
            body: '<hx-partial hx-target="#alert" hx-swap="innerHTML"><p>That was a lot at once.</p></hx-partial>',
          })
        : route.fallback(),
    )
    await send('in a moment')
    await page.getByRole('alert').getByText('That was a lot at once.').waitFor()
    await send('after it')
    assert.deepEqual(await waiting(), ['in a moment', 'after it'])
    await came('after it')
    await page.getByRole('alert').getByText('That was a lot at once.').waitFor({ state: 'detached' })
    const [first = 0, second = 0] = tries
    assert.ok(second - first >= 2900, `${second - first}`)
    assert.deepEqual(await said(), ['in a moment', 'after it'])
  })

  it('is not taken for sent where a network’s own page answers', async () => {
    let tries = 0
    await page.route('**/messages', route =>
      ++tries === 1
        ? route.fulfill({ status: 200, contentType: 'text/html', body: '<p>Pay first</p>' })
        : route.fallback(),
    )
    await send('through the portal')
    await page.getByRole('alert').getByText('could not be sent yet').waitFor()
    await came('through the portal')
    assert.deepEqual(await said(), ['through the portal'])
    await page.getByRole('alert').getByText('could not be sent yet').waitFor({ state: 'detached' })
  })

  async function send(text: string) {
    await composer(page).fill(text)
    await page.keyboard.press('Enter')
  }

  /** Waits for it among the messages: what waits to be sent stands below them. */
  async function came(text: string) {
    await page.locator('#messages').getByText(text, { exact: true }).waitFor()
  }

  /** The key of what is in the composer. */
  function keyOf(): Promise<string> {
    return page.locator('#composer input[name=key]').inputValue()
  }

  async function waiting(): Promise<string[]> {
    return page.getByLabel('Being sent').locator('.message__text').allTextContents()
  }

  async function said(): Promise<string[]> {
    const { messages } = (await elsewhere.call('GET', `/api/chats/${uri}/messages/`)).json
    return messages.map(({ message }: { message: string }) => message)
  }

  /** Holds posts on their way to the server until they are let through. */
  async function holdPosts(): Promise<() => void> {
    const { released, release } = gate()
    await page.route('**/messages', async route => {
      await released
      await route.continue()
    })
    return release
  }

  /** Holds the answers to posts on their way back. */
  async function holdAnswers(): Promise<() => void> {
    const { released, release } = gate()
    await page.route('**/messages', async route => {
      const response = await route.fetch()
      await released
      await route.fulfill({ response })
    })
    return release
  }
})

function gate() {
  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  return { released, release }
}
