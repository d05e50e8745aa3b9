import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import { member } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { signUpProgram } from '../support/visitor.js'

/** A sheet of A4 without its margins of 1 cm, in pixels. */
const SHEET = { width: 718, height: 1047 }

describe('a chat', () => {
  let site: Site
  let uri: string
  before(async () => {
    site = await openSite()
    const bob = await signUpProgram(site, 'bob')
    uri = await bob.startChat()
    for (let message = 1; message <= 38; message++) {
      await bob.post(uri, `message ${message}${'\nand a line'.repeat(4)}`)
    }
  })
  after(() => site.close())

  async function open(name: string, options: { javaScriptEnabled?: boolean } = {}) {
    const { page } = await member(site, name, { uri, ...options })
    await page.context().addCookies([{ name: 'preferences', value: 'dark.normal.send', url: site.url }])
    const own = await page.context().request.get(`/chats/${uri}`)
    const csrf = /name="csrf" value="([^"]+)"/.exec(await own.text())?.[1] ?? ''
    for (const message of ['from me', 'and again']) {
      await page.context().request.post(`/chats/${uri}/messages`, { form: { csrf, message } })
    }
    await page.goto(`/chats/${uri}`, { waitUntil: 'commit' })
    await page.locator('.message').last().waitFor({ state: 'attached' })
    return page
  }

  for (const javaScriptEnabled of [true, false]) {
    it(`prints all messages of its page, black on white, with names and times, ${javaScriptEnabled ? 'with JavaScript @long' : 'without JavaScript'}`, async () => {
      const mine = javaScriptEnabled ? 'ann' : 'cleo'
      const page = await open(mine, { javaScriptEnabled })
      await page.setViewportSize(SHEET)
      await page.emulateMedia({ media: 'print' })
      const messages = await page.locator('.message').evaluateAll(items =>
        items.map(item => {
          const seen = (name: string) => {
            const part = item.querySelector(name)
            const { width = 0, height = 0 } = part?.getBoundingClientRect() ?? {}
            const isSeen = part && width > 1 && height > 1 && getComputedStyle(part).opacity === '1'
            return isSeen ? part.textContent.trim() : ''
          }
          const { color, backgroundColor, backgroundImage } = getComputedStyle(
            item.querySelector('.message__bubble') as Element,
          )
          return {
            words: [
              seen('.message__head'),
              seen('.message__text').replace(/and a line.*/, ''),
              seen('.message__foot') !== '',
            ],
            look: [color, backgroundColor, backgroundImage],
          }
        }),
      )
      assert.deepEqual(
        messages.map(({ words }) => words).filter(([name = '']) => ['bob', mine].includes(String(name))),
        [
          ...Array.from({ length: 38 }, (_, index) => ['bob', `message ${index + 1}`, true]),
          [mine, 'from me', true],
          [mine, 'and again', true],
        ],
      )
      for (const { look } of messages) {
        assert.deepEqual(look, ['rgb(0, 0, 0)', 'rgba(0, 0, 0, 0)', 'none'])
      }
      const { height, scheme, ground } = await page.evaluate(() => {
        const { colorScheme, backgroundColor } = getComputedStyle(document.documentElement)
        return { height: document.documentElement.scrollHeight, scheme: colorScheme, ground: backgroundColor }
      })
      assert.deepEqual([scheme, ground], ['light', 'rgba(0, 0, 0, 0)'])
      const pdf = await page.pdf({ format: 'A4', margin: { top: '1cm', bottom: '1cm', left: '1cm', right: '1cm' } })
      const sheets = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0
      const needed = height / SHEET.height
      assert.ok(sheets >= needed && sheets <= needed + 2, `${sheets} sheets for ${height} px`)
    })
  }

  it('has edges round its bubbles and buttons where the reader’s own colours rule, and tells mine from others @long', async () => {
    const page = await open('dora')
    await page.emulateMedia({ forcedColors: 'active' })
    const edge = (one: ReturnType<Page['locator']>) =>
      one.first().evaluate(element => {
        const { borderTopStyle, borderTopWidth, borderInlineEndWidth } = getComputedStyle(element)
        return [borderTopStyle, borderTopWidth, borderInlineEndWidth].join(' ')
      })
    assert.equal(await edge(page.locator('.message:not(.message--mine) .message__bubble')), 'solid 1px 1px')
    assert.equal(await edge(page.locator('.message--mine .message__bubble')), 'solid 2px 6px')
    // The button in a field has the field's edge.
    for (const button of await page.locator('.button:visible, .round:not(.search__line *):visible').all()) {
      assert.match(await edge(button), /^solid [1-9]/, await button.innerText())
    }
  })
})
