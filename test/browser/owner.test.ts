import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, member, openDetails } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

for (const javaScriptEnabled of [true, false]) {
  describe(`owning a chat in a browser ${javaScriptEnabled ? 'with JavaScript' : 'without JavaScript @long'}`, () => {
    let site: Site
    let ann: Awaited<ReturnType<typeof member>>
    let bob: Awaited<ReturnType<typeof member>>
    let url: string
    before(async () => {
      site = await openSite({}, undefined, { frameRefresh: 1 })
    })
    after(() => site.close())
    let count = 0

    beforeEach(async () => {
      count++
      ann = await member(site, `ann${count}`, { javaScriptEnabled })
      url = ann.url
      bob = await member(site, `bob${count}`, { javaScriptEnabled, uri: ann.uri })
    })
    afterEach(async () => {
      await ann.context.close()
      await bob.context.close()
    })

    it('leads from the chat to its members, who shows who is here, and back', async () => {
      await openDetails(ann.page)
      await ann.page.getByRole('link', { name: 'Members: See all' }).click()
      await ann.page.getByRole('heading', { name: '2 members' }).waitFor()
      const items = ann.page.getByRole('list', { name: 'Members' }).getByRole('listitem')
      assert.match((await items.nth(0).textContent()) ?? '', new RegExp(`ann${count}.*owner.*you[\\s\\S]*here now`))
      assert.match((await items.nth(1).textContent()) ?? '', new RegExp(`bob${count}[\\s\\S]*here now`))
      await ann.page.getByRole('link', { name: 'Back to the chat' }).click()
      await ann.page.waitForURL(url, { waitUntil: 'commit' })
    })

    it('renames the chat, which the other side sees @long', async () => {
      await openSettings()
      await ann.page.getByLabel('Title').fill('Plans <b>for</b> May')
      await ann.page.getByRole('button', { name: 'Save' }).click()
      await ann.page.getByText('Saved. Everybody in the chat sees it.').waitFor()
      await log(bob.page, javaScriptEnabled).getByText('named the chat').waitFor()
      if (javaScriptEnabled) {
        await bob.page.locator('header').getByText('Plans <b>for</b> May').waitFor()
        await bob.page.waitForFunction(() => document.title.startsWith('Plans <b>for</b> May'))
        assert.equal(await bob.page.getByRole('button', { name: 'Copy' }).count(), 1)
      } else {
        await bob.page.getByRole('link', { name: 'Reconnect messages' }).click()
        await bob.page.locator('header').getByText('Plans <b>for</b> May').waitFor()
      }
      assert.deepEqual([...ann.complaints, ...bob.complaints], [])
    })

    it('makes a bot, whose hook posts as it, gives it another hook, and removes it @long', async () => {
      const { page } = ann
      const post = async (text: string) => (await fetch(hook, { method: 'POST', body: text })).status
      await openSettings()
      await page.getByLabel('Name of a new bot').fill('deploy')
      await page.getByRole('button', { name: 'Make a Bot' }).click()
      const hook = await page.getByLabel('The address of the hook').inputValue()
      assert.match(await page.getByLabel('The token of the bot').inputValue(), /^chatire_/)
      assert.equal(await post('v2.1 is live'), 201)
      const told = log(bob.page, javaScriptEnabled)
      await told.getByText('v2.1 is live').waitFor()
      await told.getByText('bot', { exact: true }).first().waitFor()
      await page.getByRole('button', { name: 'New hook for deploy' }).click()
      await page.getByText('Copy them now').waitFor()
      assert.notEqual(await page.getByLabel('The address of the hook').inputValue(), hook)
      assert.equal(await post('by the old one'), 404)
      await page.getByRole('button', { name: 'Remove deploy' }).click()
      await page.getByText('Saved. Everybody in the chat sees it.').waitFor()
      assert.equal(await page.getByRole('button', { name: 'Remove deploy' }).count(), 0)
      await told.getByText('was removed').waitFor()
      assert.deepEqual([...ann.complaints, ...bob.complaints], [])
    })

    it('makes the chat read-only and opens it again, and nothing typed at the other side is lost', async () => {
      await composer(bob.page).fill('half typed')
      await openSettings()
      await ann.page.getByLabel('Read-only').check()
      await ann.page.getByRole('button', { name: 'Save' }).click()
      await ann.page.getByText('Saved.').waitFor()
      const sentence = bob.page.getByText('This chat is read-only. You can read all of it, and nobody can write.')
      if (javaScriptEnabled) {
        await sentence.waitFor()
        await composer(bob.page).waitFor({ state: 'hidden' })
        const late = await bob.context.newPage()
        await late.goto(url)
        await late.getByText('This chat is read-only').waitFor()
        assert.equal(await composer(late).count(), 0)
        await setReadOnly(false)
        await sentence.waitFor({ state: 'detached' })
        assert.equal(await composer(bob.page).inputValue(), 'half typed')
        await composer(bob.page).press('Enter')
        await log(bob.page).getByText('half typed').waitFor()
        // A page that was opened meanwhile has its composer by now.
        await composer(late).waitFor()
      } else {
        await log(bob.page, false).getByText('changed the chat’s settings').waitFor()
        await bob.page.getByRole('button', { name: 'Send' }).click()
        await sentence.first().waitFor()
        assert.equal(await bob.page.getByLabel('Your message was not sent').inputValue(), 'half typed')
        await setReadOnly(false)
        await bob.page.goto(url, { waitUntil: 'commit' })
        await composer(bob.page).fill('half typed')
        await bob.page.getByRole('button', { name: 'Send' }).click()
        await log(bob.page, false).getByText('half typed').waitFor()
      }
    })

    it('says for how long messages are kept, which the others see in the details @long', async () => {
      await openSettings()
      await ann.page.getByLabel('Messages are kept').selectOption('for 7 days')
      await ann.page.getByRole('button', { name: 'Save' }).click()
      await ann.page.getByText('Saved.').waitFor()
      assert.equal(await ann.page.getByLabel('Messages are kept').inputValue(), '7')
      if (!javaScriptEnabled) {
        await log(bob.page, false).getByText('changed the chat’s settings').waitFor()
        await bob.page.goto(url, { waitUntil: 'commit' })
      }
      await bob.page.locator('#members').getByText('Messages are kept for 7 days').waitFor({ state: 'attached' })
    })

    it('replaces the link: the other side goes on, and reloading leads to the new one @long', async () => {
      await openSettings()
      await ann.page.getByLabel('The new link lets people in').selectOption('for 1 day')
      await ann.page.getByRole('button', { name: 'Replace the Link' }).click()
      await ann.page.getByText('It lets people in until').waitFor()
      const shared = await ann.page.getByRole('textbox', { name: 'The URL of this chat' }).inputValue()
      const { pathname } = new URL(shared)
      assert.notEqual(pathname, new URL(url).pathname)
      await log(bob.page, javaScriptEnabled).getByText('changed the chat’s settings').waitFor()
      if (javaScriptEnabled) {
        await bob.page.waitForFunction(
          link => document.querySelector<HTMLInputElement>('#share-url')?.value === link,
          shared,
        )
      }
      await composer(bob.page).fill('still here')
      await bob.page.getByRole('button', { name: 'Send' }).click()
      await log(bob.page, javaScriptEnabled).getByText('still here').waitFor()
      await bob.page.goto(url, { waitUntil: 'commit' })
      assert.equal(new URL(bob.page.url()).pathname, pathname)
    })

    it('hands the chat over, to somebody who can change it then @long', async () => {
      await openSettings()
      await ann.page.getByLabel('The new owner').selectOption(`bob${count}`)
      await ann.page.getByRole('button', { name: 'Hand Over' }).click()
      await ann.page.waitForURL(url, { waitUntil: 'commit' })
      await openDetails(ann.page)
      await ann.page.getByRole('link', { name: 'Members: See all' }).waitFor()
      assert.equal(await ann.page.getByRole('link', { name: 'Settings' }).count(), 0)
      await log(bob.page, javaScriptEnabled).getByText('is the owner now').waitFor()
      if (!javaScriptEnabled) {
        await bob.page.getByRole('link', { name: 'Reconnect messages' }).click()
      }
      await openDetails(bob.page)
      await bob.page.getByRole('link', { name: 'Settings' }).click()
      await bob.page.getByRole('heading', { name: 'Settings' }).waitFor()
    })

    it('removes and bans a member, whose page is led away, and unbans them', async () => {
      await openDetails(ann.page)
      await ann.page.getByRole('link', { name: 'Members: See all' }).click()
      await ann.page.getByRole('button', { name: `Remove bob${count}` }).click()
      await ann.page.getByRole('heading', { name: '1 member' }).waitFor()
      await isSentAway(bob.page)
      await bob.page.goto(url, { waitUntil: 'commit' })
      await log(bob.page, javaScriptEnabled).getByText('was removed').first().waitFor()

      await ann.page.reload()
      await ann.page.getByRole('button', { name: `Ban bob${count}` }).click()
      await ann.page.getByRole('heading', { name: '1 member' }).waitFor()
      await isSentAway(bob.page)
      await bob.page.goto(url)
      await bob.page.getByText('The owner of this chat has removed you from it for good.').waitFor()

      await ann.page.getByRole('link', { name: 'Banned people' }).click()
      await ann.page.getByRole('button', { name: `Unban bob${count}` }).click()
      await ann.page.getByText('Nobody is banned from this chat.').waitFor()
      await bob.page.goto(url, { waitUntil: 'commit' })
      await composer(bob.page).waitFor()
    })

    it('leaves the chat @long', async () => {
      await openDetails(bob.page)
      await bob.page.getByRole('link', { name: 'Members: See all' }).click()
      await bob.page.getByRole('button', { name: 'Leave This Chat' }).click()
      await bob.page.getByRole('heading', { name: `Welcome bob${count}!` }).waitFor()
      await log(ann.page, javaScriptEnabled).getByText(`bob${count} left`).waitFor()
    })

    it('deletes the chat where its name is typed, and everybody is led away', async () => {
      await openSettings()
      await ann.page.getByLabel('Name of this chat').fill('something else')
      await ann.page.getByRole('button', { name: 'Delete' }).click()
      await ann.page.getByText('That is not its name. Type it exactly as it is shown.').waitFor()
      assert.equal(await ann.page.getByLabel('Name of this chat').inputValue(), 'something else')
      await ann.page.getByLabel('Name of this chat').fill(`Chat started by ann${count}`)
      await ann.page.getByRole('button', { name: 'Delete' }).click()
      await ann.page.getByRole('heading', { name: `Welcome ann${count}!` }).waitFor()
      await isSentAway(bob.page)
    })

    async function openSettings() {
      await openDetails(ann.page)
      await ann.page.getByRole('link', { name: 'Settings' }).click()
      await ann.page.getByRole('heading', { name: 'Settings' }).waitFor()
    }

    async function setReadOnly(on: boolean) {
      await ann.page.getByLabel('Read-only').setChecked(on)
      await ann.page.getByRole('button', { name: 'Save' }).click()
      await ann.page.getByText('Saved.').waitFor()
    }

    async function isSentAway(page: Page) {
      if (javaScriptEnabled) {
        await page.waitForURL(link => link.pathname === '/')
      } else {
        // The frame loads what it holds again.
        const frame = page.frameLocator('iframe[title=Messages]')
        await frame.getByText('There is nothing here, or it is not yours to see.').waitFor()
      }
    }
  })
}
