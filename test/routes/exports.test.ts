import assert from 'node:assert/strict'
import { request } from 'node:http'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { fillChat } from '../support/streams.js'
import { Visitor } from '../support/visitor.js'

describe('GET /chats/:uri/exports', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'hello' })
  })
  after(() => site.close())

  it('is linked from the chat, says how large it is, and has a link for each format', async () => {
    assert.ok((await ann.get(`/chats/${uri}`)).text.includes(`href="/chats/${uri}/exports"`))
    const { text } = await ann.get(`/chats/${uri}/exports`)
    assert.match(text, /It has 2 entries, and less than 1 kB of text/)
    for (const format of ['html', 'txt', 'csv', 'ndjson', 'json']) {
      const [, path = ''] = new RegExp(`href="(/chats/${uri}/exports/${format})" download`).exec(text) ?? []
      const file = await ann.get(path)
      assert.equal(file.status, 200)
      assert.match(file.headers.get('content-disposition') ?? '', new RegExp(`^attachment; .*\\.${format}"$`))
      assert.match(file.text, /hello/)
    }
  })

  it('shows how far an export has come, also without JavaScript @long', async () => {
    await fillChat(site, uri, 3000, 'x'.repeat(1500))
    const cookie = [...ann.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const sent = request(`${site.url}/chats/${uri}/exports/ndjson`, { headers: { cookie }, agent: false }).end()
    // It is not read any further.
    await new Promise(resolve => sent.once('response', resolve))
    const bar = /<progress max="100" value="\d\d?">\d\d? %<\/progress>/
    assert.match((await ann.get(`/chats/${uri}/exports`)).text, bar)
    assert.match((await ann.htmx('GET', `/chats/${uri}/exports`)).text, bar)
    sent.destroy()
    await until(async () => !bar.test((await ann.htmx('GET', `/chats/${uri}/exports`)).text))
  })

  it('is refused with a page to who asks for a version that there is not', async () => {
    const { status, text } = await ann.get(`/chats/${uri}/exports/csv?after=99999`)
    assert.equal(status, 410)
    assert.match(text, /This chat has no such version/)
  })
})
