import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

interface Operation {
  operationId: string
  description: string
  deprecated?: boolean
  responses: Record<string, { headers?: Record<string, unknown> }>
}

interface Schema {
  deprecated?: boolean
  description?: string
  properties?: Record<string, Schema>
}

describe('what is deprecated', () => {
  let site: Site
  let ann: Program
  let document: { paths: Record<string, Record<string, Operation>> }
  let page: string
  /** Each operation by method and path. */
  const operations = new Map<string, Operation>()
  before(async () => {
    site = await openSite({ CORS_ORIGINS: 'https://app.example.org' })
    ann = await signUpProgram(site, 'ann')
    const visitor = new Visitor(site)
    document = (await visitor.send('GET', '/api/openapi.json')).json
    page = (await visitor.get('/api/')).text
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.set(`${method.toUpperCase()} ${path}`, operation)
      }
    }
  })
  after(() => site.close())

  const aliases = () => [...operations].filter(([, { deprecated }]) => deprecated)
  const parametersOf = (name: string) => name.match(/\{\w+\}/g)

  /** The name in backticks. */
  const instead = (text = '') =>
    /^Deprecated.*?`([^`]+)`/.exec(text.slice(Math.max(0, text.indexOf('Deprecated'))))?.[1]

  it('names a request that does the same and is not deprecated', () => {
    assert.ok(aliases().length > 20)
    for (const [name, { description, operationId, responses }] of aliases()) {
      const other = instead(description) ?? ''
      const known = operations.get(other)
      assert.ok(known && !known.deprecated, `${name}: ${description}`)
      assert.equal(known.operationId, operationId.replace(/\d+$/, ''))
      assert.deepEqual(parametersOf(other), parametersOf(name))
      for (const [status, { headers = {} }] of Object.entries(responses)) {
        assert.ok(Number(status) >= 400 || 'Deprecation' in headers, `${name} ${status}`)
      }
    }
  })

  it('names a field that stands beside it and is not deprecated', () => {
    const found: string[] = []
    const look = (value: unknown, way: string) => {
      const { properties } = value as Schema
      for (const [name, { deprecated, description }] of Object.entries(properties ?? {})) {
        if (deprecated) {
          const other = properties?.[instead(description) ?? '']
          assert.ok(other && !other.deprecated, `${way}.${name}: ${description}`)
          found.push(name)
        }
      }
      for (const [key, part] of Object.entries(value as object)) {
        if (typeof part === 'object' && part !== null) {
          look(part, `${way}.${key}`)
        }
      }
    }
    look(document, '')
    assert.deepEqual([...new Set(found)].sort(), ['first_name', 'guest', 'id', 'last_name', 'members'])
  })

  it('is said by each answer to such a request, refusals too, and by no other', async () => {
    const origin = { origin: 'https://app.example.org' }
    for (const [name] of operations) {
      const [method = '', path = ''] = name.split(' ')
      // Refused, which changes nothing: it is for nobody who is there.
      const filled = path.replace('{uri}', 'A'.repeat(22)).replace(/\{\w+\}/g, '1')
      const body = ['GET', 'DELETE'].includes(method) ? undefined : {}
      const { headers, status } = await new Visitor(site).send(method, filled, body && JSON.stringify(body), {
        'content-type': 'application/json',
        accept: 'application/json',
        ...origin,
      })
      assert.ok(status >= 200, name)
      if (operations.get(name)?.deprecated) {
        assert.match(headers.get('deprecation') ?? '', /^@\d{10}$/, name)
        assert.ok(Number(headers.get('deprecation')?.slice(1)) * 1000 <= Date.now(), name)
        assert.equal(headers.get('link'), `<${site.url}/api/#deprecated>; rel="deprecation"; type="text/html"`, name)
        assert.match(headers.get('access-control-expose-headers') ?? '', /\bDeprecation\b/)
      } else {
        assert.equal(headers.get('deprecation'), null, name)
        assert.doesNotMatch(headers.get('link') ?? '', /deprecation/, name)
      }
      // Nothing has an end today.
      assert.equal(headers.get('sunset'), null, name)
    }
  })

  it('works as what stands beside it', async () => {
    const sent = { username: 'newer', password: 'correct horse battery' }
    const made = await new Visitor(site).send('POST', '/auth/users/', new URLSearchParams(sent))
    assert.equal(made.status, 201)
    assert.match(made.headers.get('deprecation') ?? '', /^@/)
    const { json, headers } = await new Visitor(site).send('POST', '/auth/token/login/', new URLSearchParams(sent))
    assert.match(json.auth_token, /^chatire_/)
    assert.match(headers.get('deprecation') ?? '', /^@/)
    const uri = await ann.startChat()
    const { id } = (await ann.post(uri, 'hello')).json
    const deleted = await ann.call('POST', `/api/chats/${uri}/messages/${id}/deletion/`)
    assert.equal(deleted.status, 200)
    assert.match(deleted.headers.get('deprecation') ?? '', /^@/)
    const [chat] = (await ann.call('GET', '/api/chats/')).json.chats
    assert.deepEqual([chat.members, chat.member_count], [1, 1])
  })

  it('is not said to the forms of our own pages', async () => {
    const visitor = await new Visitor(site).signUp('vic')
    const uri = await visitor.startChat()
    const left = await visitor.post(`/chats/${uri}/members/me/departure`)
    assert.equal(left.status, 303)
    assert.equal(left.headers.get('deprecation'), null)
    assert.equal(left.headers.get('link'), null)
  })

  it('is listed where the header leads', () => {
    const list = page.slice(page.indexOf('id="deprecated"'))
    for (const [name] of aliases()) {
      assert.ok(list.includes(`<code>${name}</code>`), name)
    }
    for (const name of ['User.guest', 'User.first_name', 'ListedChat.members', 'MessageList.id']) {
      assert.ok(list.includes(`<code>${name}</code>`), name)
    }
    assert.match(page, /id="versions"/)
  })
})
