import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

describe('GET /help', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  it('is linked from the top of every page, for visitors and members, and leads on to the preferences', async () => {
    const ann = await new Visitor(site).signUp('ann')
    const uri = await ann.startChat()
    for (const [who, path] of [
      [new Visitor(site), '/'],
      [new Visitor(site), '/login'],
      [new Visitor(site), `/chats/${uri}`],
      [ann, '/account'],
      [ann, `/chats/${uri}`],
      [ann, '/nowhere'],
    ] as const) {
      assert.match(
        (await who.get(path)).text,
        /<header class="top">[\s\S]*<a [^>]*href="\/help"[\s\S]*<\/header>/,
        path,
      )
    }
    assert.match((await ann.get('/help')).text, /href="\/preferences"/)
  })

  it('shows what becomes of what is typed by the rendering of messages', async () => {
    const { text } = await new Visitor(site).get('/help')
    assert.match(
      text,
      /Some \*emphasis\*, and \*\*more of it\*\*<[\s\S]*Some <em>emphasis<\/em>, and <strong>more of it</,
    )
    assert.match(
      text,
      /<blockquote>[\s\S]*<ul>\s*<li>one[\s\S]*<ol>\s*<li value="1">first[\s\S]*<a href="https:\/\/example\.org\/" [^>]*>words</,
    )
  })

  it('leads to the page about the API, and that to its description as text', async () => {
    const visitor = new Visitor(site)
    assert.match((await visitor.get('/help')).text, /href="\/api\/"/)
    const [, path = ''] = /href="(\/static\/api-[\w-]+\.txt)"/.exec((await visitor.get('/api/')).text) ?? []
    const { status, headers, text } = await visitor.get(path)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.match(text, /^# The JSON API/)
  })
})
