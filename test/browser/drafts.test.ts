import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, signUp } from '../support/browser.js'
import { readersOfBob } from '../support/story.js'
import { PASSWORD } from '../support/visitor.js'

describe('what is typed', () => {
  const story = readersOfBob()

  it('survives a reload and the window, in each chat its own, and goes once it is sent', async () => {
    const { context, page, complaints } = await story.reader()
    const other = await story.bob.startChat()
    await composer(page).fill('for the first')
    await page.goto(`/chats/${other}`)
    assert.equal(await composer(page).inputValue(), '')
    await composer(page).fill('for the second')
    await page.reload()
    assert.equal(await composer(page).inputValue(), 'for the second')
    await page.close()
    const again = await context.newPage()
    await again.goto(`/chats/${story.uri}`)
    assert.equal(await composer(again).inputValue(), 'for the first')
    await composer(again).press('Enter')
    await again.locator('#messages').getByText('for the first').waitFor()
    await again.reload()
    assert.equal(await composer(again).inputValue(), '')
    assert.deepEqual(complaints, [])
  })

  it('is not shown to somebody else at the same browser, and is there when its writer comes back @long', async () => {
    const { context, page } = await story.reader()
    await composer(page).fill('not yours')
    // The session ends elsewhere: nobody pressed Sign Out here.
    await context.clearCookies()
    await page.goto(`/chats/${story.uri}`)
    await signUp(page, `reader${++story.count}`)
    await log(page).getByText(`reader${story.count} joined`).waitFor()
    assert.equal(await composer(page).inputValue(), '')
    await composer(page).fill('mine')
    await context.clearCookies()
    await logIn(page, `reader${story.count - 1}`)
    assert.equal(await composer(page).inputValue(), 'not yours')
  })

  it('is forgotten by signing out @long', async () => {
    const { page } = await story.reader()
    await composer(page).fill('secret plans')
    await page.getByRole('button', { name: 'Sign Out' }).click()
    await page.waitForURL(url => url.pathname === '/')
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0)
    await logIn(page, `reader${story.count}`)
    assert.equal(await composer(page).inputValue(), '')
  })

  it('goes round by the login without JavaScript where the session ended meanwhile @long', async () => {
    const { context, page } = await story.reader({ javaScriptEnabled: false })
    await composer(page).fill('two lines\nof mine')
    await context.clearCookies()
    await page.getByRole('button', { name: 'Send' }).click({ noWaitAfter: true })
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.equal(await page.getByLabel('Your message was not sent').inputValue(), 'two lines\nof mine')
    await page.getByLabel('Username').fill(`reader${story.count}`)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign In' }).click({ noWaitAfter: true })
    await page.getByRole('alert').getByText('this message was not sent').waitFor()
    assert.equal(await composer(page).inputValue(), 'two lines\nof mine')
    await page.getByRole('button', { name: 'Send' }).click({ noWaitAfter: true })
    await log(page, false).getByText('of mine').waitFor()
    assert.equal(await composer(page).inputValue(), '')
    const { json } = await story.bob.call('GET', `/api/chats/${story.uri}/messages/`)
    assert.deepEqual(
      json.messages.map(({ message }: { message: string }) => message),
      ['two lines\nof mine'],
    )
  })

  async function logIn(page: Page, username: string) {
    await page.goto(`/login?next=/chats/${story.uri}`)
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign In' }).click()
    await page.waitForURL(url => url.pathname === `/chats/${story.uri}`)
  }
})
