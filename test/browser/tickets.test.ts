import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { closePages, person } from '../support/browser.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** The lines of docs/api.md for pages of other origins, but they come back sooner. */
function script(): string {
  const text = readFileSync(fileURLToPath(new URL('../../../docs/api.md', import.meta.url)), 'utf8')
  const block = text.match(/(?:\n {4}.*)+/g)?.find(lines => lines.includes('new EventSource')) ?? ''
  assert.match(block, /2000/)
  return block.replace('2000', '20').replace(/\n.*follow\('\/api\/live\/', console\.log\)/, '')
}

interface Told {
  event: string
  uri?: string
  version: number
  message: string
}

describe('a page of another origin', () => {
  let elsewhere: Server
  let site: Site
  let ann: Program
  let page: Page
  let complaints: string[]
  before(async () => {
    elsewhere = createServer((_, answer) => {
      answer.setHeader('content-type', 'text/html')
      answer.end(
        `<!doctype html><link rel=icon href=data:,><script>
           const SITE = '${site.url}', TOKEN = '${ann.token}', told = {}
           ${script()}
           function begin(path, after) { follow(path, event => (told[path] ??= []).push(event), after) }
         </script>`,
      )
    })
    elsewhere.listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    const origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
    site = await openSite({ CORS_ORIGINS: origin })
    ann = await signUpProgram(site, 'ann')
    const opened = await person({ url: origin })
    page = opened.page
    complaints = opened.complaints
    await page.goto('/')
  })
  after(async () => {
    await closePages()
    elsewhere.close()
    await site.close()
  })

  const told = (path: string): Promise<Told[]> => page.evaluate(`told['${path}'] ?? []`)
  const begin = (path: string, after: string) => page.evaluate(`begin('${path}', '${after}')`)
  const cut = () => {
    for (const stream of site.live.streams) {
      stream.drop()
    }
  }

  it('follows one chat and all chats by the lines of the documentation, through cuts, without gap or repeat', async () => {
    const [one, two] = [await ann.startChat(), await ann.startChat()]
    const path = `/api/chats/${one}/live/`
    const { cursor } = (await ann.call('GET', '/api/events/')).json
    await begin(path, '0')
    await begin('/api/live/', cursor)
    await until(async () => site.live.streams.size === 2)
    for (let n = 0; n < 4; n++) {
      await ann.post(one, `before cut ${n}`)
      await until(async () => (await told('/api/live/')).some(({ message }) => message === `before cut ${n}`))
      const ready = (events: Told[]) => events.filter(({ event }) => event === 'ready').length
      const begun = ready(await told(path)) + ready(await told('/api/live/'))
      cut()
      await Promise.all([ann.post(one, `after cut ${n}`), ann.post(two, `after cut ${n}`)])
      await until(async () => ready(await told(path)) + ready(await told('/api/live/')) === begun + 2)
    }
    const { items } = (await ann.call('GET', `/api/events/?after=${cursor}`)).json
    assert.equal(items.length, 12)
    const shown = async (path: string) => (await told(path)).filter(({ event }) => event !== 'ready')
    const places = (events: Told[]) => events.map(({ uri = one, version }) => `${uri} ${version}`)
    await until(async () => (await shown('/api/live/')).length >= 12 && (await shown(path)).length >= 9)
    assert.deepEqual(places(await shown('/api/live/')).sort(), places(items).sort())
    assert.deepEqual(
      (await shown(path)).map(({ version }) => version),
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
    for (const uri of [one, two]) {
      const versions = (await shown('/api/live/')).filter(event => event.uri === uri).map(({ version }) => version)
      assert.deepEqual(
        versions,
        [...versions].sort((a, b) => a - b),
      )
    }
    assert.equal((await site.pool.query('select from tickets')).rowCount, 0)
    await ann.call('DELETE', `/api/chats/${one}/`, { name: 'Chat started by ann' })
    await until(async () => (await told(path)).at(-1)?.event === 'gone' && site.live.streams.size === 1)
    await until(async () => (await told('/api/live/')).at(-1)?.event === 'gone')
    assert.equal(site.live.streams.size, 1)
    await ann.call('POST', '/auth/token/destroy/')
    await until(async () => site.live.streams.size === 0 && (await told('/api/live/')).at(-1)?.uri === undefined)
    // Nothing but what the cuts themselves are to a browser.
    assert.deepEqual(
      complaints.filter(complaint => !/ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET/.test(complaint)),
      [],
    )
  })
})
