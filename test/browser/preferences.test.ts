import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { composer, log, member, person } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'

const LIGHT_CANVAS = 'rgb(233, 238, 248)'
const DARK_CANVAS = 'rgb(10, 15, 23)'

describe('the preferences in a browser', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const canvas = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)

  async function choose(page: Page, ...words: string[]) {
    await page.goto('/preferences', { waitUntil: 'commit' })
    for (const word of words) {
      await page.getByText(word, { exact: true }).click()
    }
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
  }

  for (const javaScriptEnabled of [true, false]) {
    it(`choose a theme against the system’s, ${javaScriptEnabled ? 'with JavaScript @long' : 'without JavaScript'}`, async () => {
      const { page } = await person(site, { javaScriptEnabled, colorScheme: 'dark' })
      await page.goto('/')
      assert.equal(await canvas(page), DARK_CANVAS)
      await choose(page, 'Light')
      assert.equal(await canvas(page), LIGHT_CANVAS)
      await page.emulateMedia({ colorScheme: 'light' })
      await choose(page, 'Dark')
      assert.equal(await canvas(page), DARK_CANVAS)
      assert.equal(await page.getByRole('radio', { name: 'Dark' }).isChecked(), true)
      await choose(page, 'System')
      assert.equal(await canvas(page), LIGHT_CANVAS)
      await page.emulateMedia({ colorScheme: 'dark' })
      assert.equal(await canvas(page), DARK_CANVAS)
    })
  }

  it('hold for the messages in the frame without JavaScript, on the canvas of the page @long', async () => {
    const { page, uri } = await member(site, 'ann', { javaScriptEnabled: false, colorScheme: 'light' })
    await composer(page).fill('from ann')
    await page.getByRole('button', { name: 'Send' }).click()
    await log(page, false).getByText('from ann').waitFor()
    await choose(page, 'Dark')
    await page.goto(`/chats/${uri}`, { waitUntil: 'commit' })
    const frame = page.frameLocator('iframe[title=Messages]').frameLocator('iframe')
    const text = frame.locator('.message__text').first()
    await text.waitFor()
    const scheme = await text.evaluate(element => {
      const { colorScheme, backgroundColor } = getComputedStyle(element.ownerDocument.documentElement)
      return { colorScheme, backgroundColor, dark: element.ownerDocument.documentElement.dataset.theme }
    })
    assert.deepEqual(scheme, { colorScheme: 'normal', backgroundColor: 'rgba(0, 0, 0, 0)', dark: 'dark' })
  })

  it('make the text larger, and nothing overflows @long', async () => {
    const { page } = await person(site, { viewport: { width: 320, height: 640 } })
    const size = () => page.getByRole('heading', { level: 1 }).evaluate(({ scrollHeight }) => scrollHeight)
    await page.goto('/preferences')
    const before = await size()
    await choose(page, 'Larger')
    assert.ok((await size()) > before)
    for (const path of ['/preferences', '/', '/login', '/signup', '/nowhere']) {
      await page.goto(path)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path)
    }
  })

  it('say what Enter does; Ctrl+Enter always sends', async () => {
    const { page, url } = await member(site, 'bob')
    await choose(page, 'New line')
    await page.goto(url)
    await composer(page).pressSequentially('one')
    await page.keyboard.press('Enter')
    await page.keyboard.type('two')
    assert.equal(await composer(page).inputValue(), 'one\ntwo')
    await page.keyboard.press('Control+Enter')
    await log(page).getByText('one').waitFor()
    assert.equal(await composer(page).inputValue(), '')
    await choose(page, 'Sends')
    await page.goto(url)
    await composer(page).fill('three')
    await page.keyboard.press('Enter')
    await log(page).getByText('three').waitFor()
  })

  it('leave it to the device at first: Enter makes a new line on a phone', async () => {
    const { page } = await member(site, 'cleo', {
      hasTouch: true,
      isMobile: true,
      viewport: { width: 390, height: 800 },
    })
    await composer(page).pressSequentially('one')
    await page.keyboard.press('Enter')
    await page.keyboard.type('two')
    assert.equal(await composer(page).inputValue(), 'one\ntwo')
    assert.equal(await composer(page).getAttribute('enterkeyhint'), 'enter')
  })
})
