import assert from 'node:assert/strict'
import { composer, log, member } from '../support/browser.js'
import { FRAMES, openProxy } from '../support/proxy.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

describe('the chat page without JavaScript', () => {
  let site: Site
  let bob: Program
  let count = 0

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())

  const opened: { close(): Promise<unknown> }[] = []
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) {
      await one.close()
    }
  })

  it('shows a message by itself, keeps the newest in view, and leaves what is being typed alone', async function () {
    const reader = await read(40)
    await composer(reader.page).pressSequentially('half typed')
    const delays: number[] = []
    for (let n = 0; n < 5; n++) {
      const begun = performance.now()
      await bob.post(reader.uri, `new ${n}`)
      await until(() => reader.shows(`new ${n}`))
      delays.push(Math.round(performance.now() - begun))
      await until(() => reader.hasInView(`new ${n}`))
    }
    if (this.test) this.test.title += ` (${Math.max(...delays)} ms at most)`
    assert.equal(await composer(reader.page).inputValue(), 'half typed')
    assert.equal(await composer(reader.page).evaluate(field => field === document.activeElement), true)
    // What the page itself lists would be the same once more.
    assert.equal(await reader.page.locator('#messages').isVisible(), false)
    assert.equal(await reader.page.getByRole('log', { name: 'Messages' }).count(), 0)
    assert.equal(await log(reader.page, false).getByText('new 4', { exact: true }).count(), 1)
    assert.deepEqual(reader.complaints, [])
  })

  it('sends while the frame lives, and shows what was sent once', async () => {
    const reader = await read()
    for (const text of ['first', 'second']) {
      await composer(reader.page).fill(text)
      await reader.page.getByRole('button', { name: 'Send' }).click({ noWaitAfter: true })
      await log(reader.page, false).getByText(text, { exact: true }).waitFor()
      await until(async () => (await composer(reader.page).inputValue()) === '')
    }
    await bob.post(reader.uri, 'answer')
    await log(reader.page, false).getByText('answer', { exact: true }).waitFor()
    assert.deepEqual(await reader.texts(), ['first', 'second', 'answer'])
    assert.deepEqual(reader.complaints, [])
  })

  // One after the other they would wait for the frame's 10 s each.
  it('comes back by itself with what was missed when it is cut and when the program is started again, or says why not @long', async function () {
    const [cut, restarted, signedOut] = await Promise.all([read(), read(), read()])
    const first = await openSite({}, site)
    opened.push(first)
    restarted.proxy.leadTo(first.url)
    restarted.proxy.cut(/./, 'end')
    await restarted.page.reload({ waitUntil: 'commit' })
    await until(() => first.live.streams.size === 1)
    for (const { uri, page } of [cut, restarted]) {
      await bob.post(uri, 'before')
      await log(page, false).getByText('before', { exact: true }).waitFor()
      await composer(page).pressSequentially('half typed')
    }

    const begun = performance.now()
    assert.equal(cut.proxy.cut(FRAMES, 'end'), 1)
    const csrf = await signedOut.page.locator('#composer input[name=csrf]').inputValue()
    await signedOut.page.context().request.post('/logout', { form: { csrf } })
    restarted.proxy.leadTo(undefined)
    await first.stop()
    const second = await openSite({}, site)
    opened.push(second)
    restarted.proxy.leadTo(second.url)
    for (const { uri } of [cut, restarted]) {
      await bob.post(uri, 'meanwhile')
    }
    const seconds = await Promise.all(
      [cut, restarted].map(async ({ page }) => {
        await log(page, false).getByText('meanwhile', { exact: true }).waitFor()
        return Math.round((performance.now() - begun) / 100) / 10
      }),
    )
    if (this.test) this.test.title += ` (after ${seconds.join(' and ')} s)`
    for (const { uri, page, texts, hasInView } of [cut, restarted]) {
      await bob.post(uri, 'after')
      await log(page, false).getByText('after', { exact: true }).waitFor()
      assert.deepEqual(await texts(), ['before', 'meanwhile', 'after'])
      await until(() => hasInView('after'))
      assert.equal(await composer(page).inputValue(), 'half typed')
    }

    const outside = signedOut.page.frameLocator('iframe[title=Messages]')
    await outside.getByText('You are signed out.').waitFor()
    await outside.getByRole('link', { name: 'Sign in' }).click()
    await signedOut.page.waitForURL(url => url.pathname === '/login')
    assert.equal(new URL(signedOut.page.url()).searchParams.get('next'), `/chats/${signedOut.uri}`)
  })

  it('comes back by itself when the network resets its connection @long', async () => {
    const reader = await read()
    assert.equal(reader.proxy.cut(FRAMES, 'reset'), 1)
    await bob.post(reader.uri, 'meanwhile')
    await log(reader.page, false).getByText('meanwhile', { exact: true }).waitFor()
  })

  it('is connected again by its link', async () => {
    const reader = await read()
    reader.proxy.leadTo(undefined)
    assert.equal(reader.proxy.cut(FRAMES), 1)
    await bob.post(reader.uri, 'missed')
    reader.proxy.leadTo(site.url)
    await reader.page.getByRole('link', { name: 'Reconnect messages' }).click({ noWaitAfter: true })
    await log(reader.page, false).getByText('missed', { exact: true }).waitFor()
    await bob.post(reader.uri, 'pushed again')
    await log(reader.page, false).getByText('pushed again', { exact: true }).waitFor()
  })

  it('says that nobody else is there, until somebody comes, and how to invite, until something is said', async () => {
    const { page, uri, context, complaints } = await member(site, 'host', { javaScriptEnabled: false })
    opened.push(context)
    const messages = log(page, false)
    const alone = page.getByText('Nobody here but you, yet')
    await messages.getByRole('heading', { name: 'Nobody here but you, yet' }).waitFor()
    assert.ok((await messages.getByRole('textbox').inputValue()).endsWith(uri))
    assert.equal(await alone.filter({ visible: true }).count(), 0)
    await bob.join(uri)
    await messages.getByText('bob joined').waitFor()
    await until(async () => !(await messages.getByRole('heading').isVisible()))
    assert.ok(await messages.getByRole('textbox').isVisible())
    await bob.post(uri, 'here I am')
    await log(page, false).getByText('here I am', { exact: true }).waitFor()
    await until(async () => !(await messages.getByRole('textbox').isVisible()))
    assert.deepEqual(complaints, [])
  })

  /** Somebody who reads a chat of Bob's without JavaScript, through a proxy of their own. */
  async function read(lines = 0) {
    const proxy = await openProxy(site)
    opened.push(proxy)
    const uri = await bob.startChat()
    for (let n = 1; n <= lines; n++) {
      await bob.post(uri, `line ${n}`)
    }
    const { page, context, complaints } = await member(proxy, `reader${++count}`, { uri, javaScriptEnabled: false })
    opened.push(context)
    await until(() => proxy.open(FRAMES) === 1)
    const frame = page.frameLocator('iframe[title=Messages]').frameLocator('iframe')
    return {
      page,
      uri,
      proxy,
      frame,
      complaints,
      async shows(text: string) {
        return (await log(page, false).getByText(text, { exact: true }).count()) > 0
      },
      texts: () => frame.locator('.message__text').allTextContents(),
      async hasInView(text: string) {
        const area = await page.locator('iframe[title=Messages]').boundingBox()
        const box = await log(page, false).getByText(text, { exact: true }).boundingBox()
        return area !== null && box !== null && box.y >= area.y && box.y + box.height <= area.y + area.height + 1
      },
    }
  }
})
