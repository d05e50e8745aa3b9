import assert from 'node:assert/strict'
import { createDatabase, databaseUrl, dropDatabase } from '../support/databases.js'
import { startServer } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { Visitor } from '../support/visitor.js'

const ELSEWHERE = { 'x-forwarded-host': 'elsewhere.example' }

describe('X-Forwarded-Host', () => {
  let site: Site
  before(async () => {
    site = await openSite({ TRUST_PROXY: '1' })
  })
  after(() => site.close())

  it('counts for nothing: the URL to share a chat by names the host that the request came to', async () => {
    const visitor = await new Visitor(site).signUp('ann')
    const uri = await visitor.startChat()
    for (const [headers, scheme] of [
      [ELSEWHERE, 'http'],
      [{ ...ELSEWHERE, 'x-forwarded-proto': 'https' }, 'https'],
      [{ ...ELSEWHERE, 'x-forwarded-proto': 'javascript' }, 'http'],
    ] as const) {
      for (const path of [`/chats/${uri}`, `/chats/${uri}/invite`]) {
        const { text } = await visitor.get(path, headers)
        assert.match(text, new RegExp(`value="${scheme}://[\\d.]+:\\d+/chats/${uri}"`), path)
        assert.doesNotMatch(text, /elsewhere|javascript:/)
      }
    }
  })

  it('counts for nothing where another site’s request is refused', async () => {
    const visitor = await new Visitor(site).signUp('bob')
    const theirs = { ...ELSEWHERE, origin: 'http://elsewhere.example' }
    assert.equal((await visitor.post('/chats', {}, theirs)).status, 403)
    assert.equal((await visitor.post('/chats', {}, { ...ELSEWHERE, origin: site.url })).status, 303)
  })

  it('counts for nothing where a refusal leads on', async () => {
    const { text } = await new Visitor(site).get('/account?a=1', { 'x-forwarded-host': 'elsewhere.example/x' })
    assert.match(text, /href="\/login\?next=%2Faccount%3Fa%3D1"/)
  })
})

describe('TRUST_PROXY without PUBLIC_URL', () => {
  it('is said at the start: the proxy decides what the URLs to share are @long', async () => {
    const database = await createDatabase()
    try {
      for (const [env, says] of [
        [{ TRUST_PROXY: '1' }, true],
        [{ TRUST_PROXY: '1', PUBLIC_URL: 'http://chat.example' }, false],
      ] as const) {
        const { child, lines, ended } = await startServer({ ...env, DATABASE_URL: databaseUrl(database) })
        child.kill()
        await ended
        assert.equal(
          lines.some(line => /TRUST_PROXY is set and PUBLIC_URL is not/.test(line)),
          says,
        )
      }
    } finally {
      await dropDatabase(database.database)
    }
  })
})
