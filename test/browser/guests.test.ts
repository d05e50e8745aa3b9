import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, person } from '../support/browser.js'
import { letGo, waiting } from '../support/locks.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD } from '../support/visitor.js'

for (const javaScriptEnabled of [true, false]) {
  describe(`guests in a browser ${javaScriptEnabled ? 'with JavaScript' : 'without JavaScript @long'}`, () => {
    let site: Site
    before(async () => {
      site = await openSite()
    })
    after(() => site.close())

    async function start(name: string) {
      const one = await person(site, { javaScriptEnabled })
      await one.page.goto('/')
      await one.page.getByLabel('Your name').fill(name)
      await startChatting(one.page).click()
      await isInChat(one.page, name)
      return one
    }

    const startChatting = (page: Page) => page.getByRole('button', { name: 'Start Chatting' })

    async function isInChat(page: Page, name: string) {
      await page.waitForURL(/\/chats\/[\w-]+$/, { waitUntil: 'commit' })
      await composer(page).waitFor()
      await log(page, javaScriptEnabled).getByText(`${name} guest joined`).waitFor()
    }

    /** Clicks, and again while the answer to the first request is held up. By the mouse: a locator would wait for that answer. */
    async function clickTwice(page: Page, name: string) {
      const box = await page.getByRole('button', { name }).boundingBox()
      assert.ok(box)
      const holder = await site.pool.connect()
      await holder.query('begin')
      await holder.query('lock table submissions in exclusive mode')
      for (const sent of [1, 2]) {
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
        await waiting(site, sent)
      }
      await letGo(holder)
    }

    it('start a chat by one field and one button, and own it', async () => {
      const { page, complaints } = await start('Carla')
      await page.goto(`${page.url()}/settings`)
      await page.getByLabel('Title').fill('Dinner')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('Saved. Everybody in the chat sees it.').waitFor()
      await page.goto('/')
      await page.getByText('You are a guest in this browser.').waitFor()
      await startChatting(page).click()
      await isInChat(page, 'Carla')
      assert.deepEqual(complaints, [])
    })

    it('hand their chat on by signing out, and are told to whom before @long', async () => {
      const { page } = await start('Carla')
      const url = page.url()
      const bob = await person(site, { javaScriptEnabled })
      await bob.page.goto(url)
      await bob.page.getByRole('heading', { name: 'Carla guest invites you to chat' }).waitFor()
      await bob.page.getByLabel('Your name').fill('Bob')
      await bob.page.getByRole('button', { name: 'Start Talking' }).click()
      await isInChat(bob.page, 'Bob')

      await page.goto('/logout')
      const passing = page.getByRole('region', { name: 'Chats of yours that go to others' })
      await passing.getByText('Chat started by Carla').waitFor()
      await passing.getByText('to Bob guest').waitFor()
      await page.getByRole('main').getByRole('button', { name: 'Sign Out' }).click()
      await page.waitForURL(`${site.url}/`)
      await log(bob.page, javaScriptEnabled).getByText('Bob guest is the owner now').waitFor()
      await bob.page.goto(`${url}/settings`)
      await bob.page.getByRole('button', { name: 'Save' }).waitFor()
    })

    it('start one chat by tapping twice on a slow link @long', async () => {
      const { page } = await person(site, { javaScriptEnabled })
      await page.goto('/')
      await page.getByLabel('Your name').fill('Dora')
      await clickTwice(page, 'Start Chatting')
      await isInChat(page, 'Dora')
      assert.equal(await countOf('Dora'), 1)
    })

    it('come in once by tapping Start Talking twice @long', async () => {
      const { page: owner } = await start('Olga')
      const { page } = await person(site, { javaScriptEnabled })
      await page.goto(owner.url())
      await page.getByLabel('Your name').fill('Emil')
      await clickTwice(page, 'Start Talking')
      await isInChat(page, 'Emil')
      assert.equal(await countOf('Emil'), 1)
    })

    it('sign up once by tapping twice, and start one chat @long', async () => {
      const { page } = await person(site, { javaScriptEnabled })
      await page.goto('/signup')
      await page.getByLabel('Username').fill('fred')
      await page.getByLabel('Password').fill(PASSWORD)
      await clickTwice(page, 'Sign Up')
      await page.getByRole('heading', { name: 'Welcome fred!' }).waitFor()
      await clickTwice(page, 'Start Chatting')
      await page.waitForURL(/\/chats\/[\w-]+$/, { waitUntil: 'commit' })
      const { rows } = await site.pool.query(
        `select 1 from chats where owner_id = (select id from users where username = 'fred')`,
      )
      assert.equal(rows.length, 1)
    })

    it('are told to allow cookies where the browser keeps none', async () => {
      const { page, context } = await person(site, { javaScriptEnabled })
      await page.goto('/')
      await page.getByLabel('Your name').fill('Gil')
      await context.clearCookies()
      await startChatting(page).click()
      await page.getByText('Allow cookies for this site, then reload the page.').waitFor()
    })

    async function countOf(name: string): Promise<number> {
      const { rows } = await site.pool.query('select 1 from users where name = $1', [name])
      return rows.length
    }
  })
}
