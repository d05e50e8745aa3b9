import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

const TEXT = { accept: 'text/plain' }

describe('plain text', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
    uri = (await ann.call('POST', '/api/chats/', { title: 'Release party' })).json.uri
    await bob.join(uri)
    const { id } = (await ann.post(uri, 'hello\nthere')).json
    await bob.call('POST', `/api/chats/${uri}/messages/`, { message: 'hi \u202e!', reply_to: id })
    await bob.call('PUT', `/api/chats/${uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
    const gone = (await ann.post(uri, 'secret')).json.id
    await ann.call('DELETE', `/api/chats/${uri}/messages/${gone}/`)
  })
  after(() => site.close())

  it('shows a chat as a person would write it down', async () => {
    for (const path of [`/api/chats/${uri}/`, `/api/chats/${uri}`, `/chats/${uri}`]) {
      const { status, headers, text } = await ann.call('GET', path, undefined, TEXT)
      assert.equal(status, 200)
      assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8')
      assert.match(headers.get('vary') ?? '', /Accept/)
      const [, shown] = text.split(/\n— .* —\n\n/)
      assert.match(text, /^Release party\n2 members\. All times are in UTC\.\n\n— \w+, \d+ \w+ \d{4} —\n/)
      assert.equal(
        shown?.replace(/^\d\d:\d\d/gm, '16:04'),
        '16:04 ann (👍 1): hello\n      there\n16:04 bob answers ann:\n      > hello there\n      hi !\n16:04 * a message of ann was deleted\n',
      )
    }
  })

  it('shows the newest messages, those before one, and what happened since', async () => {
    const list = async (query: string) => {
      const { status, headers, text } = await ann.call('GET', `/api/chats/${uri}/messages/${query}`, undefined, TEXT)
      assert.equal(status, 200, text)
      return { headers, text }
    }
    const newest = await list('?limit=1')
    assert.match(newest.text, /^\n— .* —\n\n\d\d:\d\d \* a message of ann was deleted\n$/)
    const [, older = ''] = /messages\/(\?before=[^>]+)>; rel="prev"/.exec(newest.headers.get('link') ?? '') ?? []
    assert.match((await list(older)).text, /bob answers ann:\n/)
    const all = (await list('?after=0')).text
    assert.match(all, /\d\d:\d\d \* ann joined\n\d\d:\d\d \* bob joined\n/)
    assert.match(all, /\n {6}\* bob reacted to ann’s message of \d\d:\d\d\n/)
    assert.match(all, /\n {6}\* ann deleted ann’s message of \d\d:\d\d\n/)
    assert.ok(!all.includes('secret'))
  })

  it('has an ETag of its own', async () => {
    const path = `/api/chats/${uri}/messages/`
    const json = await ann.call('GET', path)
    const text = await ann.call('GET', path, undefined, TEXT)
    const etag = text.headers.get('etag') ?? ''
    assert.notEqual(etag, json.headers.get('etag'))
    assert.equal((await ann.call('GET', path, undefined, { ...TEXT, 'if-none-match': etag })).status, 304)
    assert.equal((await ann.call('GET', path, undefined, { 'if-none-match': etag })).status, 200)
  })

  it('shows what a search has found', async () => {
    const found = await bob.call('GET', '/api/search/?q=there', undefined, TEXT)
    assert.match(
      found.text,
      /^Release party, \w+, \d+ \w+ \d{4}\nhttp:\/\/\S+\/chats\/[\w-]+\/messages\/\d+\n\d\d:\d\d ann: hello\n {6}there\n$/,
    )
    const none = await bob.call('GET', `/chats/${uri}/search?q=nowhere`, undefined, TEXT)
    assert.equal(none.text, 'Nothing was found.\n')
  })

  it('says in plain text why there is none', async () => {
    const carol = await signUpProgram(site, 'carol')
    const refused = await carol.call('GET', `/api/chats/${uri}/`, undefined, TEXT)
    assert.equal(refused.status, 404)
    assert.equal(refused.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(refused.text, '404 Not found: There is nothing at this address, or it is not yours to see.\n')
    const wrong = await ann.call('GET', `/api/chats/${uri}/messages/?aftr=0`, undefined, TEXT)
    assert.equal(wrong.status, 422)
    assert.match(wrong.text, /^422 That will not do: .*aftr.*after/)
    const visitor = await new Visitor(site).send('GET', `/api/chats/${uri}/`, undefined, TEXT)
    assert.match(visitor.text, /^401 .*credentials/)
  })

  it('is for those alone who would rather have it than JSON or a page', async () => {
    const type = async (path: string, accept: string) =>
      (await ann.call('GET', path, undefined, { accept })).headers.get('content-type')?.replace(/;.*/, '')
    const json = 'application/json'
    for (const accept of ['*/*', 'application/json, text/plain, */*', 'text/*', '']) {
      assert.equal(await type(`/api/chats/${uri}/`, accept), accept === 'text/*' ? 'text/plain' : json, accept)
    }
    for (const accept of ['*/*', 'text/html, text/plain, */*;q=0.01', 'text/html, text/*;q=0.5', 'text/*']) {
      assert.equal(await type(`/chats/${uri}`, accept), 'text/html', accept)
    }
    assert.equal(await type('/api/account/', 'text/plain'), json)
    assert.equal(await type('/api/chats/', 'text/plain'), json)
    assert.equal(await type('/help', 'text/plain'), 'text/html')
  })

  it('is answered to a browser’s session too, whatever memory has of the page', async () => {
    const visitor = await new Visitor(site).signUp('dora')
    for (let n = 0; n < 3; n++) {
      assert.match((await visitor.get(`/chats/${uri}`)).text, /<html/)
      assert.match((await visitor.send('GET', `/chats/${uri}`, undefined, TEXT)).text, /^Release party\n3 members/)
    }
  })
})
