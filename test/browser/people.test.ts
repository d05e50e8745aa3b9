import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, member, person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

for (const javaScriptEnabled of [true, false]) {
  describe(`people in a browser ${javaScriptEnabled ? 'with JavaScript' : 'without JavaScript @long'}`, () => {
    let site: Site
    let ann: Page
    let url: string
    before(async () => {
      site = await openSite()
      const one = await member(site, 'ann', { javaScriptEnabled })
      ann = one.page
      url = one.url
    })
    after(() => site.close())

    async function guest(name: string) {
      const { page, complaints } = await person(site, { javaScriptEnabled })
      await page.goto(url)
      await page.getByLabel('Your name').fill(name)
      await page.getByRole('button', { name: 'Start Talking' }).click()
      await page.waitForURL(url, { waitUntil: 'commit' })
      await composer(page).waitFor()
      return { page, complaints }
    }

    async function say(page: Page, text: string) {
      await composer(page).fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
      await message(page, text).waitFor()
    }

    function message(page: Page, text: string) {
      return log(page, javaScriptEnabled).getByRole('listitem').filter({ hasText: text }).first()
    }

    /** What can be done to a message: in place with JavaScript, on a page of its own without. */
    async function openActions(page: Page, text: string) {
      const href = await message(page, text).getByRole('link').first().getAttribute('href')
      if (javaScriptEnabled) {
        await message(page, text).getByRole('link').first().click()
      } else {
        await page.goto(href ?? '')
      }
      await page.getByRole('group', { name: 'Actions on this message' }).waitFor()
      return page.getByRole('group', { name: 'Actions on this message' })
    }

    async function back(page: Page) {
      if (!javaScriptEnabled) {
        await page.goto(url, { waitUntil: 'commit' })
        await composer(page).waitFor()
      }
    }

    it('talk after one field and one button, with nothing but the link', async () => {
      const { page } = await person(site, { javaScriptEnabled })
      await page.goto(url)
      const interactions: string[] = []
      interactions.push('the name')
      await page.getByLabel('Your name').fill('Carla')
      interactions.push('the button')
      await page.getByRole('button', { name: 'Start Talking' }).click()
      await say(page, 'hello, Carla here')
      await message(ann, 'hello, Carla here').waitFor()
      await message(ann, 'hello, Carla here').getByText('guest', { exact: true }).waitFor()
      assert.equal(interactions.length, 2)
    })

    it('edit what they wrote, and the other side shows it', async () => {
      const dora = await guest('Dora')
      await say(dora.page, 'a mistkae')
      await message(ann, 'a mistkae').waitFor()
      const actions = await openActions(dora.page, 'a mistkae')
      await actions.getByText('Edit', { exact: true }).click()
      await actions.getByRole('textbox', { name: 'New text' }).fill('a mistake, mended')
      await actions.getByRole('button', { name: 'Save' }).click()
      await message(ann, 'a mistake, mended').getByText('edited').waitFor()
      await log(ann, javaScriptEnabled).getByText('a mistkae').waitFor({ state: 'detached' })
      await back(dora.page)
      await message(dora.page, 'a mistake, mended').waitFor()
      assert.equal(await log(dora.page, javaScriptEnabled).getByText('a mistkae').count(), 0)
      assert.deepEqual(dora.complaints, [])
    })

    it('answer a message, which is quoted, and whose deletion empties the quote', async () => {
      const emil = await guest('Emil')
      await say(ann, 'shall we meet at noon')
      await message(emil.page, 'shall we meet at noon').waitFor()
      const actions = await openActions(emil.page, 'shall we meet at noon')
      await actions.getByRole('link', { name: 'Reply' }).click()
      await emil.page.getByText('Reply to ann').waitFor()
      await composer(emil.page).fill('gladly')
      await emil.page.getByRole('button', { name: 'Send' }).click()
      const answer = message(ann, 'gladly')
      await answer.getByText('shall we meet at noon').waitFor()
      await message(emil.page, 'gladly').getByText('shall we meet at noon').waitFor()
      await emil.page.getByText('Reply to ann').waitFor({ state: 'detached' })
      const mine = await openActions(ann, 'shall we meet at noon')
      await mine.getByText('Delete', { exact: true }).click()
      await mine.getByRole('button', { name: 'Delete This Message' }).click()
      await message(emil.page, 'gladly').getByText('deleted message').waitFor()
      await log(emil.page, javaScriptEnabled).getByText('Deleted', { exact: true }).waitFor()
      assert.equal(await log(emil.page, javaScriptEnabled).getByText('shall we meet at noon').count(), 0)
      await back(ann)
    })

    it('name each other, and whoever is named stands out @long', async () => {
      const hal = await guest('Hal Mary')
      await say(hal.page, 'good day @ann, meet @Hal Mary, not ann@example.org')
      const named = message(ann, 'good day')
      await named.waitFor()
      assert.deepEqual(await named.locator('.mention').allInnerTexts(), ['@ann', '@Hal Mary'])
      // Whose page it is the server does not know where one rendering serves all: the script does.
      assert.deepEqual(await named.locator('.mention--me').allInnerTexts(), javaScriptEnabled ? ['@ann'] : [])
    })

    it('react, and the other side counts', async () => {
      const fay = await guest('Fay')
      await say(ann, 'I got the job')
      await message(fay.page, 'I got the job').waitFor()
      const actions = await openActions(fay.page, 'I got the job')
      await actions.getByRole('button', { name: 'party' }).click()
      await message(ann, 'I got the job').getByRole('list', { name: 'Reactions' }).getByText('🎉').waitFor()
      await back(fay.page)
      await message(fay.page, 'I got the job').getByRole('list', { name: 'Reactions' }).getByText('🎉').waitFor()
    })

    if (javaScriptEnabled) {
      it('are renamed in open pages too, where an account of their name comes @long', async () => {
        const gil = await guest('gil')
        await say(gil.page, 'I am gil')
        await message(ann, 'I am gil').waitFor()
        const account = await signUpProgram(site, 'gil')
        await account.join(new URL(url).pathname.replace('/chats/', ''))
        await message(ann, 'I am gil').getByText('gil (guest)', { exact: true }).waitFor()
      })

      it('close what they opened by Escape or the same link, and are back where they were', async () => {
        await say(ann, 'never mind')
        await openActions(ann, 'never mind')
        await ann.keyboard.press('Escape')
        const actions = ann.getByRole('group', { name: 'Actions on this message' })
        await actions.waitFor({ state: 'detached' })
        const link = message(ann, 'never mind').getByRole('link').first()
        assert.ok(await link.evaluate(element => element === document.activeElement))
        await ann.keyboard.press('Enter')
        await actions.waitFor()
        await link.click()
        await actions.waitFor({ state: 'detached' })
      })

      it('keep what a message answers when it cannot be sent at once @long', async () => {
        await say(ann, 'a question')
        const actions = await openActions(ann, 'a question')
        await actions.getByRole('link', { name: 'Reply' }).click()
        await ann.getByText('Reply to ann').waitFor()
        await ann.route('**/messages', route => route.abort())
        await composer(ann).fill('the answer')
        await ann.getByRole('button', { name: 'Send' }).click()
        await ann.getByText('Reply to ann').waitFor({ state: 'detached' })
        await ann.getByLabel('Being sent').getByText('the answer').waitFor()
        await ann.unroute('**/messages')
        await message(ann, 'the answer').getByText('a question').waitFor()
      })
    }
  })
}
