import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, member, person } from '../support/browser.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD } from '../support/visitor.js'

for (const javaScriptEnabled of [true, false]) {
  describe(`the account in a browser ${javaScriptEnabled ? 'with JavaScript' : 'without JavaScript @long'}`, () => {
    let site: Site
    before(async () => {
      site = await openSite()
    })
    after(() => site.close())

    const done = (page: Page, sentence: string) => page.getByRole('status').getByText(sentence).waitFor()

    it('is renamed in the other’s page, given a new password, and deleted, with its messages left behind @long', async () => {
      const ann = await member(site, 'ann', { javaScriptEnabled })
      const { url } = ann
      const bob = await member(site, 'bob', { javaScriptEnabled, uri: ann.uri })
      await send(ann.page, 'from ann')
      await log(bob.page, javaScriptEnabled).getByText('from ann').waitFor()

      await ann.page.getByRole('link', { name: 'ann', exact: false }).first().click()
      await ann.page.getByLabel('Name shown in your chats').fill('Ann <b>')
      await ann.page.getByRole('button', { name: 'Change Name' }).click()
      await ann.page.getByText('Enter a valid name.').waitFor()
      await ann.page.getByLabel('Name shown in your chats').fill('Ann Lee')
      await ann.page.getByRole('button', { name: 'Change Name' }).click()
      await done(ann.page, 'Your name is changed, in all your chats.')
      await log(bob.page, javaScriptEnabled).getByText('Ann Lee has a new name').waitFor()
      await ann.page.goto(url, { waitUntil: 'commit' })
      await send(ann.page, 'under another name')
      const news = log(bob.page, javaScriptEnabled).getByRole('listitem').filter({ hasText: 'under another name' })
      await news.getByText('Ann Lee').waitFor()
      await bob.page.goto(url, { waitUntil: 'commit' })
      const old = log(bob.page, javaScriptEnabled).getByRole('listitem').filter({ hasText: 'from ann' })
      await old.getByText('Ann Lee').waitFor()

      // From another browser, whose page is told at its next poll.
      const elsewhere = await person(site, { javaScriptEnabled })
      await elsewhere.page.goto('/login')
      await signIn(elsewhere.page, 'ann', PASSWORD)
      await elsewhere.page.getByRole('heading', { name: 'Welcome Ann Lee!' }).waitFor()
      await elsewhere.page.goto(url, { waitUntil: 'commit' })
      await log(elsewhere.page, javaScriptEnabled).getByText('from ann').waitFor()
      await ann.page.goto('/account')
      await ann.page.getByText('this browser').waitFor()
      await ann.page.getByRole('button', { name: /^End the session of Chrome on / }).click()
      await done(ann.page, 'The session has ended.')
      if (javaScriptEnabled) {
        await elsewhere.page.getByRole('alert').getByText('You are signed out.').waitFor()
      } else {
        await elsewhere.page.goto(url, { waitUntil: 'commit' })
        await elsewhere.page.getByRole('heading', { name: 'invites you to chat' }).waitFor()
      }

      await ann.page.getByLabel('Current password').fill('wrong horse')
      await ann.page.getByLabel('New password').fill('another horse battery')
      await ann.page.getByRole('button', { name: 'Change Password' }).click()
      await ann.page.getByText('This is not your password.').waitFor()
      await ann.page.getByLabel('Current password').fill(PASSWORD)
      await ann.page.getByLabel('New password').fill('another horse battery')
      await ann.page.getByRole('button', { name: 'Change Password' }).click()
      await done(ann.page, 'Your password is changed. You are signed out everywhere else.')

      await ann.page.getByLabel('Name of the program').fill('my script')
      await ann.page.getByRole('button', { name: 'Give Access' }).click()
      const key = await ann.page.getByRole('textbox', { name: 'The new token' }).inputValue()
      assert.ok(!ann.page.url().includes(key))
      await ann.page.getByRole('button', { name: 'End the access of my script' }).click()
      await done(ann.page, 'The program’s access is ended.')

      await ann.page.locator('#delete-password').fill('another horse battery')
      await ann.page.getByRole('button', { name: 'Delete Account' }).click()
      await ann.page.getByRole('heading', { name: 'Welcome to the Chatire!' }).waitFor()
      await log(bob.page, javaScriptEnabled).getByText('deleted user left').waitFor()
      await log(bob.page, javaScriptEnabled).getByText('bob is the owner now').waitFor()
      if (javaScriptEnabled) {
        assert.equal(await log(bob.page).getByText('Ann Lee').count(), 0, 'in the page that is open too')
      }
      await bob.page.goto(url, { waitUntil: 'commit' })
      await log(bob.page, javaScriptEnabled)
        .getByRole('listitem')
        .filter({ hasText: 'from ann' })
        .getByText('deleted user')
        .waitFor()
      assert.equal(await log(bob.page, javaScriptEnabled).getByText('Ann Lee').count(), 0)
      for (const { context } of [ann, bob, elsewhere]) {
        await context.close()
      }
    })

    it('is kept by a guest, who goes on where they were', async () => {
      const owner = await member(site, 'olga', { javaScriptEnabled })
      const { url } = owner
      const { page, context } = await person(site, { javaScriptEnabled })
      const { cookies } = await guest(site, 'Gus')
      await context.addCookies([{ name: 'sid', value: cookies.get('sid') ?? '', url: site.url }])
      await page.goto(url, { waitUntil: 'commit' })
      await send(page, 'as a guest')
      await log(page, javaScriptEnabled).getByText('as a guest').waitFor()

      await page.getByRole('link', { name: 'Sign Out' }).click()
      await page.getByText('once you are signed out, nobody can be Gus').waitFor()
      await page.getByRole('link', { name: 'Keep This Account', exact: true }).click()
      await page.getByLabel('Username').fill('olga')
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Keep This Account' }).click()
      await page.getByText('Somebody has that username already.').waitFor()
      await page.getByLabel('Username').fill('gus')
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Keep This Account' }).click()
      await done(page, 'This account is yours to keep now.')
      await page.getByRole('button', { name: 'Sign Out' }).click()
      await page.goto('/login')
      await signIn(page, 'gus', PASSWORD)
      await page.getByRole('heading', { name: 'Welcome Gus!' }).waitFor()
      await page.goto(url, { waitUntil: 'commit' })
      await log(page, javaScriptEnabled).getByText('as a guest').waitFor()
      await context.close()
      await owner.context.close()
    })
  })
}

async function send(page: Page, message: string) {
  await composer(page).fill(message)
  await page.getByRole('button', { name: 'Send' }).click()
}

async function signIn(page: Page, username: string, password: string) {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign In' }).click()
}
