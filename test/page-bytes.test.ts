import assert from 'node:assert/strict'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { closePages, person } from './support/browser.js'
import { openFirefox } from './support/firefox.js'
import { withoutKeys } from './support/form-keys.js'
import { until } from './support/server.js'
import { openSite, type Site } from './support/site.js'
import { openTerminal, printed, skipWithoutBrowser } from './support/terminal.js'
import { Visitor } from './support/visitor.js'
import { openWebKit } from './support/webkit.js'
import { required, type Window } from './support/window.js'

/** The pieces that a page in gzip is put together from are no stream that a compressor would make: every browser has to read them. */
describe('a chat’s page in gzip is the page without', () => {
  let site: Site
  let front: Server
  let url: string
  let chat: string
  let plain: string
  /** How the pages were encoded that went through the front. */
  let encodings: (string | undefined)[] = []
  let takesGzip = true

  before(async () => {
    site = await openSite()
    const ann = await new Visitor(site).signUp('ann')
    chat = `/chats/${await ann.startChat()}`
    await ann.get(chat)
    for (const message of ['Grüße 👋🏽 <b>', '**bold** ~gone~ https://example.org', 'مرحبا']) {
      await ann.post(`${chat}/messages`, { message })
    }
    // All browsers are Ann, signed in once.
    const cookie = `sid=${ann.cookies.get('sid')}`
    front = createServer(({ url, headers }, response) => {
      const accepted = takesGzip ? headers : { ...headers, 'accept-encoding': 'identity' }
      const asked = request(site.url + url, { headers: { ...accepted, cookie } }, answer => {
        if (url === chat) {
          encodings.push(answer.headers['content-encoding'])
        }
        // w3m waits for the end of the connection.
        response.writeHead(answer.statusCode ?? 500, { ...answer.headers, connection: 'close' })
        answer.pipe(response)
      })
      asked.on('error', () => response.destroy())
      asked.end()
    })
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
    const answer = await fetch(url + chat, { headers: { accept: 'text/html', 'accept-encoding': 'identity' } })
    plain = withoutKeys(await answer.text())
    assert.match(plain, /Grüße 👋🏽 &lt;b&gt;[\s\S]*<strong>bold<\/strong>[\s\S]*مرحبا/)
  })
  after(async () => {
    front.closeAllConnections()
    front.close()
    await site.close()
  })
  beforeEach(() => {
    encodings = []
    takesGzip = true
  })
  afterEach(closePages)

  /** An expression in a page of the front: the bytes of the chat's page as the browser decodes them. */
  const asked = () => `(() => {
    const asked = new XMLHttpRequest()
    asked.open('GET', '${chat}', false)
    asked.setRequestHeader('accept', 'text/html')
    asked.send()
    return asked.responseText
  })()`

  function check(text: string) {
    assert.equal(withoutKeys(text), plain)
    assert.deepEqual(encodings, ['gzip'])
  }

  it('to Chromium', async () => {
    const { page } = await person({ url })
    await page.goto('/help')
    check(await page.evaluate<string>(asked()))
  })

  for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
    it(`to ${name} @long`, async function () {
      const window = required<Window>(this, await open(), name)
      try {
        await window.open(`${url}/help`)
        await until(() =>
          window
            .read<boolean>(`document.readyState === 'complete' && location.pathname === '/help'`)
            .catch(() => false),
        )
        check(await window.read<string>(asked()))
      } finally {
        await window.close()
      }
    })
  }

  describe('in w3m', () => {
    before(skipWithoutBrowser('w3m'))

    it('as it shows it', async () => {
      const shown = await printed('w3m', ['-dump', url + chat])
      assert.match(shown, /Grüße 👋🏽 <b>[\s\S]*مرحبا/)
      takesGzip = false
      assert.equal(await printed('w3m', ['-dump', url + chat]), shown)
      assert.deepEqual(encodings, ['gzip', undefined])
    })
  })

  describe('in lynx', () => {
    before(skipWithoutBrowser('lynx'))

    it('as it shows it', async () => {
      // What it prints without a terminal it asks for without gzip.
      const terminal = await openTerminal('lynx', ['-nopause', url + chat])
      try {
        await terminal.shows('Grüße')
        await terminal.shows('(BUTTON) Send')
        assert.deepEqual(encodings, ['gzip'])
      } finally {
        await terminal.close()
      }
    })
  })
})
