import assert from 'node:assert/strict'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

const BOTS = [
  'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
  'WhatsApp/2.23.20.0',
  'TelegramBot (like TwitterBot)',
  'Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)',
]

describe('what is shown beside a link to a chat', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite({ PUBLIC_URL: 'https://chat.example.org' })
    ann = await new Visitor(site).signUp('ann')
  })
  after(() => site.close())
  beforeEach(async () => {
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/settings`, { title: 'The secret title', guests: 'true' })
    await ann.post(`/chats/${uri}/messages`, { message: 'the secret message' })
  })

  const metas = ({ text }: Answer) =>
    Object.fromEntries(
      [...text.matchAll(/<meta (?:name|property)="([^"]*)" content="([^"]*)">/g)].map(([, name, content]) => [
        name,
        content,
      ]),
    )

  it('says who invites to what, and nothing of the chat that a visitor may not know', async () => {
    for (const agent of BOTS) {
      const page = await new Visitor(site).get(`/chats/${uri}`, { 'user-agent': agent, accept: '*/*' })
      assert.equal(page.status, 200)
      const said = metas(page)
      assert.equal(said['og:title'], 'ann invites you to chat')
      assert.equal(said['og:site_name'], 'Chatire')
      assert.match(said['og:description'] ?? '', /^Open the link, say who you are, and you are in: .*\.$/)
      assert.equal(said.description, said['og:description'])
      assert.match(said['og:image'] ?? '', /^https:\/\/chat\.example\.org\/static\/preview-[\w-]{16}\.png$/)
      assert.doesNotMatch(page.text, /secret/)
      assert.match(page.headers.get('x-robots-tag') ?? '', /noindex/)
    }
    const { json } = await ann.send('GET', `/api/chats/${uri}`)
    assert.deepEqual(
      json.members.map(({ username }: { username: string }) => username),
      ['ann'],
    )
  })

  it('does not promise that a name is enough where it is not', async () => {
    await ann.post(`/chats/${uri}/settings`, { title: '' })
    const { description } = metas(await new Visitor(site).get(`/chats/${uri}`))
    assert.match(description ?? '', /^Open the link, sign up or sign in, and you are in/)
  })

  it('has a picture of ours that other sites may show', async () => {
    const visitor = new Visitor(site)
    const { pathname } = new URL(metas(await visitor.get(`/chats/${uri}`))['og:image'] ?? '')
    const { status, headers } = await fetch(site.url + pathname)
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'image/png')
    assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
    const picture = Buffer.from(await (await fetch(site.url + pathname)).arrayBuffer())
    assert.ok(picture.length < 60_000)
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [1200, 630])
  })
})
