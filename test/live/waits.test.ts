import assert from 'node:assert/strict'
import { get } from 'node:http'
import { assertProblem } from '../input/answers.js'
import type { Answer } from '../support/exchange.js'
import { versionOf } from '../support/readers.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram } from '../support/visitor.js'

describe('a list that waits for what is new', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let uri: string
  let version: number

  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
    bob = await signUpProgram(site, 'bob')
  })
  after(() => site.close())
  beforeEach(async () => {
    uri = await ann.startChat()
    await bob.join(uri)
    version = await versionOf(site.pool, uri)
  })

  it('is answered by the next event, from whoever it comes', async () => {
    const { answer } = await waits(25)
    await ann.post(uri, 'hello')
    const { status, json } = await answer
    assert.equal(status, 200)
    assert.deepEqual(
      json.messages.map(({ message }: { message: string }) => message),
      ['hello'],
    )
    assert.equal(json.version, version + 1)
  })

  it('is answered at once where there is more already', async () => {
    const { json } = await bob.call('GET', `/api/chats/${uri}/messages/?after=${version - 1}&wait=25`)
    assert.equal(json.messages.length, 1)
    assert.equal(site.live.streams.size, 0)
  })

  it('is an empty list once it has waited for so long, or 304 for one that is known', async () => {
    const empty = await bob.call('GET', `/api/chats/${uri}/messages/?after=${version}&wait=1`)
    assert.deepEqual([empty.status, empty.json.messages, empty.json.version], [200, [], version])
    const known = { 'if-none-match': empty.headers.get('etag') ?? '' }
    assert.equal(
      (await bob.call('GET', `/api/chats/${uri}/messages/?after=${version}&wait=1`, undefined, known)).status,
      304,
    )
  })

  it('says so when its reader may not read any more', async () => {
    const removed = await waits(25)
    await ann.call('DELETE', `/api/chats/${uri}/members/${await idOf('bob')}/`)
    assertProblem(await removed.answer, 404)
    const cyd = await signUpProgram(site, 'cyd')
    await bob.join(uri)
    await cyd.join(uri)
    version = await versionOf(site.pool, uri)
    const ended = await waits(25, cyd)
    await cyd.call('POST', '/auth/token/destroy/')
    const refused = await ended.answer
    assertProblem(refused, 401)
    assert.equal(refused.json.code, 'invalid_token')
    const deleted = await waits(25)
    const { json } = await ann.call('GET', `/api/chats/${uri}/`)
    await ann.call('DELETE', `/api/chats/${uri}/`, { name: json.title ?? 'Chat started by ann' })
    assertProblem(await deleted.answer, 404)
  })

  it('counts as an open stream, which is gone with its reader', async () => {
    const limited = await openSite({ LIMITS: 'on' }, site)
    const path = `/api/chats/${uri}/messages/?after=${version}&wait=25`
    const asked = Array.from({ length: 20 }, () => {
      const request = get(limited.url + path, { agent: false, headers: { authorization: `Token ${bob.token}` } })
      return request.on('error', () => {})
    })
    await until(() => limited.live.streams.size === 20)
    assertProblem(await new Program(limited, bob.token).call('GET', path), 503)
    for (const request of asked) {
      request.destroy()
    }
    await until(() => limited.live.streams.size === 0)
    await limited.close()
  })

  it('is refused for longer than 25 s, for no number, and without a cursor to wait from', async () => {
    for (const query of [`after=${version}&wait=26`, `after=${version}&wait=soon`, 'wait=5']) {
      const refused = await bob.call('GET', `/api/chats/${uri}/messages/?${query}`)
      assertProblem(refused, 422)
      assert.ok(refused.json.errors.wait.length > 0, query)
    }
  })

  it('is answered when the program stops', async () => {
    const other = await openSite({}, site)
    const asked = new Program(other, bob.token).call('GET', `/api/chats/${uri}/messages/?after=${version}&wait=25`)
    await until(() => other.live.streams.size === 1)
    const stopped = other.stop()
    assert.deepEqual((await asked).json.messages, [])
    await stopped
    await other.close()
  })

  /** Resolves once the request waits. */
  async function waits(seconds: number, who = bob): Promise<{ answer: Promise<Answer> }> {
    const answer = who.call('GET', `/api/chats/${uri}/messages/?after=${version}&wait=${seconds}`)
    await until(() => site.live.streams.size === 1)
    return { answer }
  }

  async function idOf(username: string): Promise<number> {
    const { rows } = await site.pool.query('select id::int from users where username = $1', [username])
    return rows[0].id
  }
})
