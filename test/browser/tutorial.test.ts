import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { closePages, person } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** The part of the tutorial's front end that opens the WebSocket, without the framework around it. */
const FRONT_END = `<!doctype html><link rel=icon href=data:,><script>
  const messages = []
  function connectToWebSocket(at, uri) {
    const websocket = new WebSocket(at + '/' + uri)
    websocket.onopen = () => console.log('Connected to the chat server')
    websocket.onmessage = event => messages.push(JSON.parse(event.data))
    websocket.onclose = event => console.log('WebSocket closed.', event.code)
  }
</script>`

describe('the tutorial’s front end in a browser', () => {
  let elsewhere: Server
  let site: Site
  let ann: Program
  before(async () => {
    elsewhere = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html')
      answer.end(FRONT_END)
    })
    elsewhere.listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  after(async () => {
    await closePages()
    elsewhere.close()
    await site.close()
  })

  it('shows each new message, from another origin and without signing in', async () => {
    const uri = await ann.startChat()
    const open = await openSite({ TUTORIAL_PORT: '0', TUTORIAL_LINKS: uri }, site)
    const { page, complaints } = await person({ url: `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}` })
    await page.goto('/')
    const connected = page.waitForEvent('console', message => message.text() === 'Connected to the chat server')
    await page.evaluate(`connectToWebSocket('${open.tutorial}', '${uri}')`)
    await connected
    const sent = ['hello', 'é😀<b>&', 'last']
    for (const text of sent) {
      await ann.post(uri, text)
    }
    const shown = (): Promise<{ user: { username: string }; message: string }[]> => page.evaluate('messages')
    await until(async () => (await shown()).length >= sent.length)
    assert.deepEqual(
      (await shown()).map(({ user, message }) => [user.username, message]),
      sent.map(text => ['ann', text]),
    )
    assert.deepEqual(complaints, [])
    const closed = page.waitForEvent('console', message => message.text() === 'WebSocket closed. 1012')
    await open.stop()
    await closed
    await open.close()
  })
})
