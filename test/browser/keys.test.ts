import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, member, person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

describe('keys', () => {
  let site: Site
  let page: Page
  let uris: string[]

  before(async () => {
    site = await openSite()
    const ann = await member(site, 'ann')
    page = ann.page
    uris = [ann.uri]
    for (let chat = 2; chat <= 3; chat++) {
      await page.goto('/')
      await page.getByRole('button', { name: 'Start Chatting' }).click()
      await composer(page).waitFor()
      uris.push(new URL(page.url()).pathname.replace('/chats/', ''))
    }
  })
  after(() => site.close())

  it('open the help by ?, but not while somebody types', async () => {
    const chat = `${site.url}/chats/${uris[0]}`
    await page.goto(chat)
    await composer(page).pressSequentially('what?')
    assert.equal(await composer(page).inputValue(), 'what?')
    assert.equal(page.url(), chat)
    await composer(page).fill('')
    await composer(page).blur()
    await page.keyboard.press('Control+?')
    assert.equal(page.url(), chat)
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor()
    assert.equal(page.url(), `${site.url}/help`)
  })

  it('find a chat by Ctrl+K: in the field beside the list, or on a page of its own', async () => {
    await page.goto('/')
    await page.keyboard.press('Control+k')
    const field = page.getByRole('searchbox', { name: 'Search my chats' })
    assert.equal(await field.evaluate(element => element === document.activeElement), true)
    await page.goto('/account')
    await page.keyboard.press('Control+k')
    await page.getByRole('heading', { name: 'Search my chats' }).waitFor()
  })

  it('go to the chats of the list by Alt and an arrow, in its order, and not past its ends', async () => {
    const paths = async () => {
      await page.goto('/')
      return page.locator('.chats__link').evaluateAll(links => links.map(link => link.getAttribute('href') ?? ''))
    }
    const [first = '', second = '', last = ''] = await paths()
    await page.keyboard.press('Alt+ArrowDown')
    await page.waitForURL(`**${first}`)
    await page.goto('/')
    await page.keyboard.press('Alt+ArrowUp')
    await page.waitForURL(`**${last}`)
    for (const [current, key, next] of [
      [first, 'ArrowDown', second],
      [second, 'ArrowUp', first],
      [first, 'ArrowUp', undefined],
      [last, 'ArrowDown', undefined],
    ] as const) {
      await page.goto(current)
      await page.locator(`.chats__link[href="${current}"][aria-current]`).waitFor()
      if (next) {
        await page.keyboard.press(`Alt+${key}`)
        await page.waitForURL(`${site.url}${next}`)
      } else {
        assert.equal(await takes(page, { key, altKey: true }), false)
      }
    }
  })

  it('are a field’s own on macOS, as far as it has them', async () => {
    const mac = await page.context().newPage()
    await mac.addInitScript(() => Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' }))
    await mac.goto('/')
    const field = mac.getByRole('searchbox', { name: 'Search my chats' })
    await mac.keyboard.press('Meta+k')
    assert.equal(await field.evaluate(element => element === document.activeElement), true)
    assert.equal(await takes(mac, { key: 'k', ctrlKey: true }), false)
    assert.equal(await takes(mac, { key: 'ArrowDown', altKey: true }), false)
    await mac.close()
  })

  it('leave Ctrl+K to the browser where there is no chat to find', async () => {
    const visitor = await person(site)
    await visitor.page.goto('/login')
    assert.equal(await takes(visitor.page, { key: 'k', ctrlKey: true }), false)
  })

  /** Whether the page keeps a key, pressed where the focus is, from the browser. */
  function takes(page: Page, init: { key: string; altKey?: boolean; ctrlKey?: boolean }): Promise<boolean> {
    return page.evaluate(
      init =>
        !(document.activeElement ?? document.body).dispatchEvent(
          new KeyboardEvent('keydown', { ...init, bubbles: true, cancelable: true }),
        ),
      init,
    )
  }
})
