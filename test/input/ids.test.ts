import assert from 'node:assert/strict'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Program, signUpProgram, Visitor } from '../support/visitor.js'
import { assertAlert, assertPage, assertProblem } from './answers.js'
import { sendRaw } from './raw.js'
import { stored } from './rows.js'

type Kind = 'page' | 'fragment' | 'JSON'
const KINDS: Kind[] = ['page', 'fragment', 'JSON']

describe('bad ids', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  let foreign: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'hello' })
    foreign = await (await new Visitor(site).signUp('bob')).startChat()
  })
  after(() => site.close())

  const badUris = () => [
    'A'.repeat(22),
    'A'.repeat(64),
    'A'.repeat(65),
    'A'.repeat(1500),
    uri.slice(0, -1),
    `${uri}A`,
    swapCase(uri),
    '-1',
    '0',
    '1',
    '99999999999999999999999999',
    'chat',
    'null',
    'undefined',
    '__proto__',
    'constructor',
    '%00',
    `${uri}%00`,
    `%00${uri}`,
    `${uri}%0A`,
    `${uri}%20`,
    `${uri}%2F`,
    `${uri}.json`,
    '%FF',
    '%ED%A0%80',
    '%',
    '%zz',
    '%EF%BF%BD',
    '%F0%9F%98%80',
    "'%20or%20''='",
    '{uri}',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '[object%20Object]',
  ]

  describe('a URI that leads to no chat', () => {
    const routes: [method: string, rest: string, kinds: Kind[]][] = [
      ['GET', '', ['page', 'JSON']],
      ['PATCH', '', ['JSON']],
      ['GET', '/invite', KINDS],
      ['GET', '/members', KINDS],
      ['POST', '/members', KINDS],
      ['GET', '/messages', KINDS],
      ['GET', '/messages?after=0', KINDS],
      ['GET', '/messages?before=9', KINDS],
      ['POST', '/messages', KINDS],
      ['POST', '/read', KINDS],
      ['PUT', '/read', ['JSON']],
      ['POST', '/typing', KINDS],
      ['GET', '/header', KINDS],
      ['POST', '/members/me/departure', KINDS],
      ['DELETE', '/members/me', KINDS],
      ['POST', '/members/1/removal', KINDS],
      ['DELETE', '/members/1', KINDS],
      ['GET', '/settings', KINDS],
      ['POST', '/settings', KINDS],
      ['PATCH', '/settings', ['JSON']],
      ['POST', '/link', KINDS],
      ['PUT', '/link', ['JSON']],
      ['POST', '/owner', KINDS],
      ['PUT', '/owner', ['JSON']],
      ['GET', '/bans', KINDS],
      ['POST', '/bans/1/removal', KINDS],
      ['DELETE', '/bans/1', KINDS],
      ['POST', '/deletion', KINDS],
    ]
    for (const [method, rest, kinds] of routes) {
      it(`is 404 for ${method} /chats/:uri${rest}, in every form`, async () => {
        // Pages clean a link that something has been added to: see test/routes/clean-links.test.ts.
        const wrong = badUris().filter(bad => rest !== '' || !/%(00|0A|20)$/.test(bad))
        await refusesAll(wrong, kinds, 404, (bad, kind) => send(kind, method, `/chats/${bad}${rest}`))
      })
    }

    it('is 404 where it leads to somebody else’s chat, except for coming in', async () => {
      const closed = routes.filter(([method, rest]) => rest !== '/members' || method === 'GET').slice(2)
      for (const [method, rest, kinds] of closed) {
        await refusesAll([foreign], kinds, 404, (bad, kind) => send(kind, method, `/chats/${bad}${rest}`))
      }
      await refusesAll([foreign], ['JSON'], 404, bad => send('JSON', 'GET', `/chats/${bad}`))
    })

    it('is 404 or an address of this site as a path of any spelling, and never 5xx', async () => {
      for (const path of [
        '/chats//',
        `/chats//${uri}`,
        '/chats/%2F',
        '/%',
        '/%00',
        '/chats/..%2f..',
        '/\\',
        '/;',
        '//x',
      ]) {
        const cookie = [...ann.cookies].map(pair => pair.join('=')).join('; ')
        const answer = await sendRaw(site, { path, headers: { cookie, accept: 'text/html, */*' } })
        assert.equal(answer.status, 404, path)
        const program = await sendRaw(site, { path: `/api${path}`, headers: { cookie } })
        assert.equal(program.status, 404, path)
      }
    })
  })

  describe('a cursor or limit that is none', () => {
    const values = [
      '-1',
      '1.5',
      '1e3',
      '0x1',
      '+1',
      '%201',
      '1%20',
      '',
      'text',
      'null',
      'NaN',
      'Infinity',
      '%00',
      '1%00',
      '%FF',
      '%ED%A0%80',
      encodeURIComponent('٣'),
      encodeURIComponent('１'),
      "1'--",
      '99999999999999999999',
      '9'.repeat(1000),
      '{}',
    ]
    const query = (name: string) => [...values.map(value => `${name}=${value}`), `${name}=1&${name}=2`]

    for (const [path, names, kinds] of [
      ['/chats/:uri/messages', ['after', 'before', 'limit'], KINDS],
      ['/chats/:uri/members', ['after', 'limit'], ['page', 'JSON']],
      ['/chats/:uri/bans', ['after', 'limit'], KINDS],
    ] as [string, string[], Kind[]][]) {
      for (const name of names) {
        it(`is 422 with a sentence as ${name} of ${path}, in every form`, async () => {
          // Numbers too long to be a cursor are no better than any other text.
          await refusesAll(query(name), kinds, 422, (bad, kind) =>
            send(kind, 'GET', `${path.replace(':uri', uri)}?${bad}`),
          )
        })
      }
    }

    it('is passed over in the address of a chat’s page, which messengers add to', async () => {
      for (const bad of query('before')) {
        assert.equal((await send('page', 'GET', `/chats/${uri}?${bad}`)).status, 200, bad)
      }
    })

    it('is 422 as limit where it is 0 or over 1000', async () => {
      for (const limit of ['0', '1001', '000', '999999999']) {
        assertProblem(await send('JSON', 'GET', `/chats/${uri}/messages?limit=${limit}`), 422)
      }
    })

    it('is 422 as the place in the list of one’s chats', async () => {
      const places = [...values, '1', '1-', '-1', '1-1-1', 'a-b', '1-1%00', `${'9'.repeat(18)}-1`]
      await refusesAll([...places.map(value => `before=${value}`), 'before=1-1&before=2-2'], ['page'], 422, bad =>
        send('page', 'GET', `/?${bad}`),
      )
      await refusesAll([...places.map(value => `before=${value}`), 'before=1-1&before=2-2'], ['JSON'], 422, bad =>
        send('JSON', 'GET', `/chats/?${bad}`),
      )
    })

    it('is no fault as a place in that list that nothing is at', async () => {
      for (const place of ['0-0', `${'9'.repeat(17)}-1`, `1-${'9'.repeat(15)}`]) {
        assert.equal((await send('JSON', 'GET', `/chats/?before=${place}`)).status, 200, place)
        assert.equal((await send('page', 'GET', `/?before=${place}`)).status, 200, place)
      }
    })

    it('is 410 as a cursor ahead of the chat, and htmx loads the page anew', async () => {
      for (const after of ['1000', '999999999999999']) {
        const path = `/chats/${uri}/messages?after=${after}`
        assert.equal((await send('JSON', 'GET', path)).status, 410)
        const fragment = await send('fragment', 'GET', path)
        assert.equal(fragment.status, 410)
        assert.equal(fragment.headers.get('hx-refresh'), 'true')
      }
    })

    it('counts as none in the composer, whose message is sent all the same', async () => {
      for (const after of ['-1', 'x', '', '999999999999999', '%00']) {
        const sent = await ann.htmx('POST', `/chats/${uri}/messages`, {
          message: 'sent',
          after: decodeURIComponent(after),
        })
        assert.ok([201, 204].includes(sent.status), `${after}: ${sent.status}`)
      }
    })
  })

  describe('a token’s id that is none, or another’s', () => {
    it('is 404 and ends no token', async () => {
      const program = await signUpProgram(site, 'tim')
      const other = await signUpProgram(site, 'tom')
      const { tokens } = (await other.call('GET', '/auth/tokens/')).json
      const before = await stored(site)
      for (const id of [
        String(tokens[0].id),
        '999999',
        '-1',
        '0',
        '1.0',
        '1e1',
        'text',
        '%00',
        '%FF',
        '%',
        '99999999999999999999',
        '9'.repeat(1000),
        'null',
        '1%20or%201=1',
        '%20',
      ]) {
        const headers = { authorization: `Token ${program.token}` }
        const answer = await sendRaw(site, { method: 'DELETE', path: `/auth/tokens/${id}`, headers })
        assert.equal(answer.status, 404, id)
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
      }
      assert.deepEqual(await stored(site), before)
      assert.equal((await program.call('DELETE', '/auth/tokens/')).status, 405)
    })
  })

  describe('a key to a new password that is none', () => {
    it('is 404 as a page, and changes nothing', async () => {
      for (const key of ['x', '%00', '%FF', 'A'.repeat(43), 'A'.repeat(1500), '-1', 'null']) {
        const browser = new Visitor(site)
        await browser.get('/login')
        const shown = await browser.get(`/reset/${key}`)
        assert.equal(shown.status, 404, key)
        assertPage(shown)
        const sent = await browser.post(`/reset/${key}`, { password: 'another horse battery' })
        assert.equal(sent.status, 404, key)
      }
      const login = { username: 'ann', password: PASSWORD }
      assert.equal((await new Program(site).call('POST', '/auth/token/create/', login)).status, 200)
    })
  })

  describe('a request that is odd as a whole', () => {
    it('is refused with 414 where its address is over 2,048 characters, in every form', async () => {
      await refusesAll(['x'.repeat(3000)], KINDS, 414, (bad, kind) => send(kind, 'GET', `/chats?${bad}`))
    })

    it('is refused with 431 where its headers are over 16 KiB', async () => {
      const answer = await sendRaw(site, { path: '/', headers: { 'x-long': 'x'.repeat(17_000) } })
      assert.equal(answer.status, 431)
    })

    it('is answered without 5xx whatever Host it names', async () => {
      const cookie = [...ann.cookies].map(pair => pair.join('=')).join('; ')
      for (const host of [
        'a b',
        '%zz',
        'evil.example/x',
        'a@b',
        '[',
        ']',
        '',
        'x\\y',
        '<x>',
        ':99999',
        'a:b',
        '::1',
        '..',
      ]) {
        for (const path of ['/', '/nothing', `/chats/${uri}`, `/chats/${uri}/messages?after=x`]) {
          const answer = await sendRaw(site, { path, headers: { host, cookie, accept: 'text/html, */*' } })
          assert.ok(answer.status < 500, `Host: ${host} ${path}: ${answer.status}`)
          assert.doesNotMatch(answer.text, /<x>/)
        }
      }
    })

    it('is answered without 5xx whatever it accepts, and wherever htmx says it is', async () => {
      for (const value of [
        '',
        ',',
        ';;',
        'text/*;q=x',
        '/',
        '%zz',
        'http://[',
        'javascript:alert(1)',
        'é',
        'x'.repeat(4000),
      ]) {
        for (const name of [
          'accept',
          'accept-encoding',
          'hx-current-url',
          'hx-request',
          'if-none-match',
          'origin',
          'range',
        ]) {
          const headers = { [name]: value, ...(name === 'hx-current-url' ? { 'hx-request': 'true' } : {}) }
          for (const path of ['/', `/chats/${uri}/messages?after=0`]) {
            const answer = await sendRaw(site, { path, headers: encodeHeaders(headers) })
            assert.ok(answer.status < 500, `${name}: ${value}: ${answer.status}`)
          }
        }
      }
    })

    it('is refused with 405 where nothing knows its method, and never answered with 5xx', async () => {
      const cookie = [...ann.cookies].map(pair => pair.join('=')).join('; ')
      for (const method of ['PUT', 'DELETE', 'TRACE', 'PROPFIND', 'SEARCH']) {
        for (const path of ['/', '/login', '/chats', `/chats/${uri}/header`, `/chats/${uri}/messages`, '/up']) {
          const headers = { cookie, 'x-csrf-token': ann.csrf, accept: 'text/html, */*' }
          const answer = await sendRaw(site, { method, path, headers })
          assert.equal(answer.status, 405, `${method} ${path}`)
          assert.notEqual(answer.headers.allow ?? '', '')
        }
      }
    })
  })

  /** Asks for each in each form, and names in one list all that were not refused as they must be. */
  async function refusesAll(
    bad: string[],
    kinds: Kind[],
    status: number,
    ask: (bad: string, kind: Kind) => Promise<Answer>,
  ) {
    const before = await stored(site)
    const wrong: string[] = []
    for (const kind of kinds) {
      for (const one of bad) {
        const answer = await ask(one, kind)
        try {
          assert.equal(answer.status, status)
          if (kind === 'JSON') {
            assertProblem(answer, status)
            assert.doesNotMatch(answer.json.detail, /invalid input|expected \w+, received/i)
          } else if (kind === 'fragment') {
            assertAlert(answer)
          } else {
            assertPage(answer)
          }
        } catch (error) {
          wrong.push(`${kind} ${one.slice(0, 60)}: ${(error as Error).message.split('\n')[0]} (${answer.status})`)
        }
      }
    }
    assert.deepEqual(wrong, [])
    assert.deepEqual(await stored(site), before)
  }

  /** Sends the path as it is written: fetch would mend it. */
  async function send(kind: Kind, method: string, path: string): Promise<Answer> {
    const body = method === 'POST' && path.endsWith('/messages') ? 'message=hello' : undefined
    const { status, headers, text } = await sendRaw(site, {
      method,
      path: kind === 'JSON' ? `/api${path}` : path,
      headers: encodeHeaders({
        cookie: [...ann.cookies].map(pair => pair.join('=')).join('; '),
        'x-csrf-token': ann.csrf,
        accept: kind === 'JSON' ? 'application/json' : 'text/html, */*',
        ...(kind === 'fragment' ? { 'hx-request': 'true' } : {}),
        ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      }),
      ...(body ? { body } : {}),
    })
    const pairs = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map(one => [name, one]))
    const isJson = /json/.test(String(headers['content-type']))
    return {
      status,
      headers: new Headers(pairs as [string, string][]),
      text,
      json: isJson && text ? JSON.parse(text) : undefined,
    }
  }
})

/** As bytes of UTF-8, which is how text gets into headers. */
function encodeHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  )
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, letter =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  )
}
