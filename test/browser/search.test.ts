import assert from 'node:assert/strict'
import { composer, log, member } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

describe('Searching in the browser', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  for (const javaScriptEnabled of [false, true]) {
    it(`finds a message ${javaScriptEnabled ? 'with' : 'without'} JavaScript, from the chat and from the start page${javaScriptEnabled ? ' @long' : ''}`, async () => {
      const { page, context, complaints } = await member(site, `ann${javaScriptEnabled}`, { javaScriptEnabled })
      for (const text of ['The café opens at nine', 'Tea at home']) {
        await composer(page).fill(text)
        await page.getByRole('button', { name: 'Send' }).click()
        await log(page, javaScriptEnabled).getByText(text).waitFor()
      }
      const chat = page.url()
      await page.getByRole('link', { name: 'Search' }).click()
      await page.getByRole('searchbox', { name: 'Words in this chat' }).fill('CAFE')
      await page.getByRole('button', { name: 'Search' }).click()
      await page.getByText('1 message', { exact: true }).waitFor()
      assert.equal(await page.getByRole('searchbox').inputValue(), 'CAFE')
      const found = page.getByRole('listitem')
      assert.match((await found.textContent()) ?? '', /The café opens at nine/)
      assert.equal(await found.locator('mark').textContent(), 'café')
      assert.match(
        (await found.getByRole('link').getAttribute('href')) ?? '',
        /^\/chats\/[\w-]+\/messages\/(\d+)#message-\1$/,
      )
      await page.getByRole('link', { name: 'Back to the chat' }).click()
      // The page of a chat without JavaScript loads for ever: its frame grows.
      await page.waitForURL(chat, { waitUntil: 'commit' })

      await page.goto('/')
      await page.getByRole('searchbox', { name: 'Search my chats' }).fill('at -home')
      await page.getByRole('searchbox').press('Enter')
      await page.getByText('1 message', { exact: true }).waitFor()
      assert.match(
        (await page.getByRole('listitem').textContent()) ?? '',
        new RegExp(`Chat started by ann${javaScriptEnabled}`),
      )
      await page.getByRole('searchbox').fill('?!')
      await page.getByRole('button', { name: 'Search' }).click()
      await page.getByText('There is no word in that to search for.').waitFor()
      assert.deepEqual(complaints, [])
      await context.close()
    })
  }
})
