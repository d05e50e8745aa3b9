import assert from 'node:assert/strict'
import { composer, ELSEWHERE, person, signUp } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

describe('signing out on plain http', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('leaves nothing of what was typed, though the browser does not hear the server’s word for it @long', async () => {
    const { page, context } = await person({ url: site.url.replace('127.0.0.1', ELSEWHERE) })
    await page.goto('/signup')
    await signUp(page, 'ann')
    await page.getByRole('button', { name: 'Start Chatting' }).click()
    await composer(page).fill('secret plans')
    assert.equal(await page.evaluate(() => isSecureContext), false)
    assert.match(await page.evaluate(() => JSON.stringify(localStorage)), /secret plans/)
    await page.getByRole('button', { name: 'Sign Out' }).click()
    await page.waitForURL(url => url.pathname === '/')
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0)
    await context.close()
  })
})
