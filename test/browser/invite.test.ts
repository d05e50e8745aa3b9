import assert from 'node:assert/strict'
import type { Page } from 'playwright'
import decodeQR from 'qr/decode.js'
import { readConfig } from '../../src/config.js'
import { shareUrl } from '../../src/http/address.js'
import type { Context } from '../../src/http/context.js'
import { sendRaw } from '../input/raw.js'
import { member, openBrowser } from '../support/browser.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('GET /chats/:uri/invite', () => {
  let site: Site
  let ann: Program
  let uri: string
  let shared: string
  let count = 0

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    uri = (await ann.call('POST', '/api/chats/', { title: 'A <b>title</b>' })).json.uri
    const { host } = new URL(site.url)
    shared = shareUrl({ secure: false, get: _header => host } as Context, readConfig({}), `/chats/${uri}`)
  })
  after(() => site.close())

  function enter(options = {}) {
    return member(site, `member${++count}`, { uri, viewport: { width: 320, height: 700 }, ...options })
  }

  it('says in JSON which URL to share', async () => {
    const { status, json } = await ann.call('GET', `/api/chats/${uri}/invite/`)
    assert.equal(status, 200)
    assert.deepEqual(json, { uri, url: shared, expires_at: null })
  })

  it('is for members: 404 for others, 401 for visitors', async () => {
    const bob = await new Visitor(site).signUp('bob')
    assert.equal((await bob.get(`/chats/${uri}/invite`)).status, 404)
    assert.equal((await bob.send('GET', `/api/chats/${uri}/invite/`)).status, 404)
    const visitor = await new Visitor(site).get(`/chats/${uri}/invite`)
    assert.equal(visitor.status, 401)
    assert.doesNotMatch(visitor.text, /A &lt;b|class="qr"/)
  })

  it('leaves the code out where the URL is too long for one', async () => {
    const other = await openSite({}, site)
    const headers = { host: `${'a'.repeat(3000)}.example`, accept: 'text/html', authorization: `Token ${ann.token}` }
    const { status, text } = await sendRaw(other, { path: `/chats/${uri}/invite`, headers })
    await other.close()
    assert.equal(status, 200)
    assert.match(text, /aaaa\.example\/chats/)
    assert.doesNotMatch(text, /class="qr"/)
  })

  for (const javaScriptEnabled of [true, false]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`is beside the chat's URL and has a QR code of it, ${colorScheme}, ${javaScriptEnabled ? 'with' : 'without'} JavaScript${javaScriptEnabled === (colorScheme === 'dark') ? ' @long' : ''}`, async () => {
        const { context, page, complaints } = await enter({ javaScriptEnabled, colorScheme })
        await page.getByRole('link', { name: 'Invite' }).click()
        await page.getByRole('heading', { name: 'Invite friends' }).waitFor()
        assert.equal(await page.getByLabel('The URL of this chat').inputValue(), shared)
        await page.getByText('Whoever opens this link comes into A <b>title</b>.').waitFor()
        assert.equal(await readCode(page), shared)
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0)
        assert.equal(await page.getByRole('button', { name: 'Copy' }).count(), javaScriptEnabled ? 1 : 0)
        await page.getByRole('link', { name: 'Back to the chat' }).click()
        await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor()
        assert.deepEqual(complaints, [])
        await context.close()
      })
    }
  }

  it('offers sharing where the browser has it, and nothing where it has not @long', async () => {
    const { context, page } = await enter()
    await page.addInitScript(() => Object.defineProperty(navigator, 'share', { value: undefined }))
    await page.goto(`/chats/${uri}/invite`)
    await page.getByRole('button', { name: 'Copy' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Share' }).count(), 0)
    await context.close()
    const other = await enter()
    await other.page.addInitScript(() => {
      Object.defineProperty(navigator, 'share', {
        value: async (what: unknown) => Object.assign(window, { shared: what }),
      })
    })
    await other.page.goto(`/chats/${uri}/invite`)
    await other.page.getByRole('button', { name: 'Share' }).click()
    assert.deepEqual(await other.page.evaluate(() => (window as unknown as { shared: unknown }).shared), {
      title: 'Invite – Chatire',
      url: shared,
    })
    await other.context.close()
  })

  it('selects the URL where the browser lets nobody copy', async () => {
    const { context, page } = await enter()
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.execCommand = () => false
    })
    await page.goto(`/chats/${uri}/invite`)
    await page.getByRole('button', { name: 'Copy' }).click()
    const selected = await page.getByLabel('The URL of this chat').evaluate(field => {
      const { value, selectionStart, selectionEnd } = field as HTMLInputElement
      return value.slice(selectionStart ?? 0, selectionEnd ?? 0)
    })
    assert.equal(selected, shared)
    await context.close()
  })
})

/** What a camera makes of the code as it is on the screen. */
async function readCode(page: Page): Promise<string> {
  const image = page.getByRole('img', { name: 'QR code of the URL' })
  await image.evaluate(image => (image as HTMLImageElement).decode())
  const shot = await image.screenshot()
  const camera = await (await openBrowser()).newPage()
  const { width, height, pixels } = await camera.evaluate(async png => {
    const picture = new Image()
    picture.src = `data:image/png;base64,${png}`
    await picture.decode()
    const { width, height } = picture
    const context = new OffscreenCanvas(width, height).getContext('2d') as OffscreenCanvasRenderingContext2D
    context.drawImage(picture, 0, 0)
    const { data } = context.getImageData(0, 0, width, height)
    return { width, height, pixels: btoa(Array.from(data, byte => String.fromCharCode(byte)).join('')) }
  }, shot.toString('base64'))
  await camera.close()
  return decodeQR({ width, height, data: Uint8Array.from(Buffer.from(pixels, 'base64')) })
}
