import assert from 'node:assert/strict'
import { composer, log, member, person, signUp } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

for (const javaScriptEnabled of [true, false]) {
  describe(`the story in a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    let site: Site
    before(async () => {
      site = await openSite()
    })
    after(() => site.close())

    it('takes two people from the URL to talking, by forms alone', async () => {
      const ann = await person(site, { javaScriptEnabled })
      await ann.page.goto('/')
      await ann.page.getByRole('heading', { name: 'Welcome to the Chatire!' }).waitFor()
      await signUp(ann.page, 'ann')
      await ann.page.getByRole('heading', { name: 'Welcome ann!' }).waitFor()
      await ann.page.getByRole('button', { name: 'Start Chatting' }).click()
      await ann.page.getByText('Share the page URL to invite new friends').waitFor()
      const url = ann.page.url()
      const shared = await log(ann.page, javaScriptEnabled)
        .getByRole('textbox', { name: 'The URL of this chat' })
        .inputValue()
      assert.equal(new URL(shared).pathname, new URL(url).pathname)

      const bob = await person(site, { javaScriptEnabled })
      await bob.page.goto(url)
      await bob.page.getByRole('heading', { name: 'ann invites you to chat' }).waitFor()
      await signUp(bob.page, 'bob')
      // Without JavaScript the page of a chat never ends: its frame goes on.
      await bob.page.waitForURL(url, { waitUntil: 'commit' })
      await composer(bob.page).fill('hi ann, bob here')
      await bob.page.getByRole('button', { name: 'Send' }).click()
      await log(bob.page, javaScriptEnabled).getByText('hi ann, bob here').waitFor()

      await log(ann.page, javaScriptEnabled).getByText('hi ann, bob here').waitFor()
      await composer(ann.page).fill('hello bob')
      await ann.page.getByRole('button', { name: 'Send' }).click()
      await log(bob.page, javaScriptEnabled).getByText('hello bob').waitFor()

      // The start page knows the chat by its newest message, and leads back.
      await ann.page.goto('/')
      await ann.page.getByRole('link', { name: /bob: hi ann|ann: hello bob/ }).click()
      await log(ann.page, javaScriptEnabled).getByText('hello bob').waitFor()
      // Before signing out, which ends the page's stream while the page is being left.
      assert.deepEqual([...ann.complaints, ...bob.complaints], [])
      await ann.page.getByRole('button', { name: 'Sign Out' }).click()
      await ann.page.getByRole('heading', { name: 'Welcome to the Chatire!' }).waitFor()
      await ann.context.close()
      await bob.context.close()
    })

    it(`gives a message that will not do back to its composer, with the reason${javaScriptEnabled ? ' @long' : ''}`, async () => {
      const { page, context } = await member(site, `long${javaScriptEnabled}`, { javaScriptEnabled })
      await composer(page).fill('x'.repeat(2001))
      await page.getByRole('button', { name: 'Send' }).click()
      await page.getByRole('alert').getByText('At most 2000 characters.').waitFor()
      assert.equal(await composer(page).inputValue(), 'x'.repeat(2001))
      await composer(page).fill('short')
      await page.getByRole('button', { name: 'Send' }).click()
      await log(page, javaScriptEnabled).getByText('short', { exact: true }).waitFor()
      await context.close()
    })

    it(`shows markup as it was typed, breaks lines and links addresses${javaScriptEnabled ? ' @long' : ''}`, async () => {
      const { page, context } = await member(site, `markup${javaScriptEnabled}`, { javaScriptEnabled })
      await composer(page).fill(
        '<b id="xss">bold?</b> & é 😀\nsecond line https://example.org/a?b=1&c=2 and javascript:alert(1)',
      )
      await page.getByRole('button', { name: 'Send' }).click()
      await log(page, javaScriptEnabled).getByText('<b id="xss">bold?</b> & é 😀').waitFor()
      assert.equal(await log(page, javaScriptEnabled).locator('#xss').count(), 0)
      const link = log(page, javaScriptEnabled).getByRole('link', { name: 'https://example.org/a?b=1&c=2' })
      assert.equal(await link.getAttribute('href'), 'https://example.org/a?b=1&c=2')
      assert.match((await link.getAttribute('rel')) ?? '', /noopener/)
      assert.equal(await log(page, javaScriptEnabled).locator('.message__text').getByRole('link').count(), 1)
      await context.close()
    })
  })
}
