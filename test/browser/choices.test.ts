import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, member } from '../support/browser.js'
import { fillWithMembers } from '../support/crowd.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram, Visitor } from '../support/visitor.js'

describe('the list of suggestions above the composer', () => {
  let site: Site
  let page: Page
  let ann: Awaited<ReturnType<typeof member>>
  let count = 0

  before(async () => {
    site = await openSite()
  })
  after(() => site.close())
  beforeEach(async () => {
    ann = await member(site, `ann${++count}`)
    page = ann.page
    const bob = await signUpProgram(site, `bob${count}`)
    await bob.join(ann.uri)
    for (const name of ['Zoë van Dijk', '山田']) {
      const guest = new Visitor(site)
      await guest.get(`/chats/${ann.uri}`)
      await guest.post(`/chats/${ann.uri}/guests`, { name })
    }
    await log(page).getByText('山田').waitFor()
  })
  afterEach(() => ann.context.close())

  it('names members behind an @, and Enter takes one and sends nothing', async () => {
    await type('hello @bo')
    await options(page)
      .filter({ hasText: `bob${count}` })
      .waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), `hello @bob${count} `)
    assert.equal(await options(page).count(), 0)
    await page.keyboard.press('Enter')
    await page.locator('#messages .mention').getByText(`@bob${count}`).waitFor()
    assert.deepEqual(ann.complaints, [])
  })

  it('finds names by each of their words, without accents and case, and in scripts without spaces, but not the reader', async () => {
    await type('@VAN')
    await options(page).getByText('Zoë van Dijk').waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), '@Zoë van Dijk ')
    await composer(page).pressSequentially('@zoe')
    await options(page).getByText('Zoë van Dijk').waitFor()
    await composer(page).fill('')
    await type('今日は@山')
    await options(page).getByText('山田').waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), '今日は@山田 ')
    await composer(page).fill('')
    await type('@')
    await until(async () => (await options(page).count()) === 3)
    assert.equal(await options(page).getByText(`ann${count}`).count(), 0)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Enter')
    await page.locator('#messages .message__text').getByText('@', { exact: true }).waitFor()
  })

  it('finds members by their usernames as well, and all pages of a long list of members', async () => {
    const rob = await signUpProgram(site, `robert${count}`)
    await rob.call('PATCH', '/api/account/', { name: `Bobby ${count}` })
    await rob.join(ann.uri)
    await fillWithMembers(site, ann.uri, 250)
    await type(`@robert${count}`)
    await options(page).getByText(`Bobby ${count}`).waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), `@Bobby ${count} `)
    await composer(page).fill('')
    // The last one to join, of a list that is asked for in two parts.
    await type('@250')
    await options(page)
      .filter({ hasText: /^250𠀀/u })
      .waitFor()
  })

  it('is chosen from by the arrows, is announced, and Tab takes only what they chose', async () => {
    await type('@')
    await until(async () => (await options(page).count()) === 3)
    const chosen = () => page.locator('[role=option][aria-selected=true]')
    const first = await chosen().textContent()
    await page.getByRole('status').getByText('3 suggestions. ').waitFor()
    assert.equal(await composer(page).getAttribute('aria-controls'), 'choices')
    await page.keyboard.press('ArrowUp')
    const last = await chosen().textContent()
    assert.notEqual(last, first)
    assert.equal(await composer(page).getAttribute('aria-activedescendant'), await chosen().getAttribute('id'))
    await page.keyboard.press('ArrowDown')
    assert.equal(await chosen().textContent(), first)
    await page.keyboard.press('Tab')
    assert.match(await composer(page).inputValue(), /^@.+ $/)
    assert.equal(await isFocused(page), true)
    assert.equal(await composer(page).getAttribute('aria-activedescendant'), null)

    await composer(page).fill('')
    await type('@b')
    await options(page).first().waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await composer(page).inputValue(), '@b')
    assert.equal(await isFocused(page), false)
    assert.equal(await options(page).count(), 0)
  })

  it('offers emoji behind a colon and two letters, to the pointer too, which leaves the focus', async () => {
    await type('nice :f')
    await composer(page).pressSequentially('ire')
    await options(page).filter({ hasText: 'fire' }).click()
    assert.equal(await composer(page).inputValue(), 'nice 🔥 ')
    assert.equal(await isFocused(page), true)
    await page.keyboard.type(':thumbs_u:')
    await options(page).filter({ hasText: 'thumbs up' }).waitFor()
    await page.keyboard.press('Enter')
    assert.equal(await composer(page).inputValue(), 'nice 🔥 👍 ')
  })

  it('stays away from addresses, times and what is written out, and goes with the caret @long', async () => {
    for (const typed of ['mail ann@bo', 'at 10:30', 'http://ex', 'so:so', ':-D', `@bob${count}`]) {
      await composer(page).fill('')
      await type(typed)
      // What follows shows that the list had its time.
      await composer(page).pressSequentially(' :fi')
      await options(page).first().waitFor()
      await page.keyboard.press('Escape')
      for (let back = 0; back < 4; back++) {
        await page.keyboard.press('Backspace')
      }
      assert.equal(await composer(page).inputValue(), typed)
      await page.evaluate(() => new Promise(requestAnimationFrame))
      assert.equal(await options(page).count(), 0, typed)
    }
    await composer(page).fill('')
    await type('a :fi')
    await options(page).first().waitFor()
    await page.keyboard.press('Home')
    await until(async () => (await options(page).count()) === 0)
  })

  async function type(words: string) {
    await composer(page).pressSequentially(words)
  }
})

describe('pasting into the composer', () => {
  it('keeps line breaks and code', async () => {
    const site = await openSite()
    const { page, context } = await member(site, 'paul')
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    const code = 'Look:\n\n```js\nif (x) {\n\ty()\n    z()\n}\n```\n'
    await page.evaluate(text => navigator.clipboard.writeText(text), code)
    await composer(page).focus()
    await page.keyboard.press('Control+v')
    await until(async () => (await composer(page).inputValue()) === code)
    await page.keyboard.press('Enter')
    await page.locator('#messages pre').waitFor()
    assert.equal(await page.locator('#messages pre').textContent(), 'if (x) {\n\ty()\n    z()\n}')
    await context.close()
    await site.close()
  })
})

function options(page: Page) {
  return page.getByRole('option')
}

function isFocused(page: Page) {
  return composer(page).evaluate(field => field === document.activeElement)
}
