import assert from 'node:assert/strict'
import { composer, log, member, signUp } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram } from '../support/visitor.js'

describe('what is typed', () => {
  let site: Site
  let bob: Program
  let uri: string
  let count = 0
  const opened: { close(): Promise<unknown> }[] = []

  before(async () => {
    site = await openSite()
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    uri = await bob.startChat()
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) {
      await one.close()
    }
  })

  it('survives a reload and the window, in each chat its own, and goes once it is sent', async () => {
    const { context, page, complaints } = await enter()
    const other = await bob.startChat()
    await composer(page).fill('for the first')
    await page.goto(`/chats/${other}`)
    assert.equal(await composer(page).inputValue(), '')
    await composer(page).fill('for the second')
    await page.reload()
    assert.equal(await composer(page).inputValue(), 'for the second')
    await page.close()
    const again = await context.newPage()
    await again.goto(`/chats/${uri}`)
    assert.equal(await composer(again).inputValue(), 'for the first')
    await composer(again).press('Enter')
    await again.locator('#messages').getByText('for the first').waitFor()
    await again.reload()
    assert.equal(await composer(again).inputValue(), '')
    assert.deepEqual(complaints, [])
  })

  it('is not shown to somebody else at the same browser, and is there when its writer comes back', async () => {
    const { context, page } = await enter()
    await composer(page).fill('not yours')
    // The session ends elsewhere: nobody pressed Sign Out here.
    await context.clearCookies()
    await page.goto(`/chats/${uri}`)
    await signUp(page, `reader${++count}`)
    await log(page).getByText(`reader${count} joined`).waitFor()
    assert.equal(await composer(page).inputValue(), '')
    await composer(page).fill('mine')
    await context.clearCookies()
    await logIn(page, `reader${count - 1}`)
    assert.equal(await composer(page).inputValue(), 'not yours')
  })

  it('is forgotten by signing out', async () => {
    const { page } = await enter()
    await composer(page).fill('secret plans')
    await page.getByRole('button', { name: 'Sign Out' }).click()
    await page.waitForURL(url => url.pathname === '/')
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0)
    await logIn(page, `reader${count}`)
    assert.equal(await composer(page).inputValue(), '')
  })

  it('goes round by the login without JavaScript where the session ended meanwhile', async () => {
    const { context, page } = await enter(false)
    await composer(page).fill('two lines\nof mine')
    await context.clearCookies()
    await page.getByRole('button', { name: 'Send' }).click({ noWaitAfter: true })
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.equal(await page.getByLabel('Your message was not sent').inputValue(), 'two lines\nof mine')
    await page.getByLabel('Username').fill(`reader${count}`)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign In' }).click({ noWaitAfter: true })
    await page.getByRole('alert').getByText('this message was not sent').waitFor()
    assert.equal(await composer(page).inputValue(), 'two lines\nof mine')
    await page.getByRole('button', { name: 'Send' }).click({ noWaitAfter: true })
    await log(page, false).getByText('of mine').waitFor()
    assert.equal(await composer(page).inputValue(), '')
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/`)
    assert.deepEqual(
      json.messages.map(({ message }: { message: string }) => message),
      ['two lines\nof mine'],
    )
  })

  /** Somebody new in Bob's chat. */
  async function enter(javaScriptEnabled = true) {
    const one = await member(site, `reader${++count}`, { uri, javaScriptEnabled })
    opened.push(one.context)
    return one
  }

  async function logIn(page: Awaited<ReturnType<typeof enter>>['page'], username: string) {
    await page.goto(`/login?next=/chats/${uri}`)
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign In' }).click()
    await page.waitForURL(url => url.pathname === `/chats/${uri}`)
  }
})
