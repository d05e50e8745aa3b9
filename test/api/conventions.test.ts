import assert from 'node:assert/strict'
import { ApiDocument, type Json, type Schema } from '../support/api-document.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

/** RFC 3339, in UTC. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** What is sent while it comes about: nobody knows before the end what it will have been. */
const STREAMS = ['followChat', 'followAllChats', 'exportChat']

/** Its cursor names the moment of the answer, which is another each time. Who waits for events sends `after` and `wait`. */
const ALWAYS_NEW = ['listEvents']

/** Lists without `limit`, and why they are always whole. */
const WHOLE: Record<string, string> = {
  getChat: 'a chat with its first members: listMembers is the list',
  listSessions: 'the devices of one account, which are shown together to be recognised',
  listTokens: 'at most 200 can exist',
  listAccountTokens: 'at most 200 can exist',
  listBots: 'as many as a chat can have are few',
  listExports: 'one for each format, and what runs of the reader’s own',
}

/** What all operations that read have in common, by the table of them, so that a new one has it too. */
describe('each operation that reads', () => {
  let site: Site
  let document: ApiDocument
  let ann: Program
  let uri: string
  let id: number
  const paths = new Map<string, string>()
  before(async () => {
    site = await openSite({ CORS_ORIGINS: 'https://app.example.org' })
    document = await ApiDocument.of(site)
    ann = await signUpProgram(site, 'ann')
    await ann.startChat()
    uri = await ann.startChat()
    const { cursor } = (await ann.call('GET', '/api/events/')).json
    for (const name of ['bob', 'cleo', 'dan']) {
      const member = await signUpProgram(site, name)
      await member.join(uri)
      id = (await member.post(uri, `hello from ${name}`)).json.id
      const { id: user } = (await member.call('GET', '/api/account/')).json
      if (name !== 'dan') {
        await ann.call('DELETE', `/api/chats/${uri}/members/${user}/`, { ban: true })
      }
      await ann.call('POST', `/api/chats/${uri}/bots/`, { name: `${name}'s bot` })
    }
    for (const [name, { method, path }] of document.operations) {
      if (method === 'GET') {
        const filled = path.replace('{uri}', uri).replace('{id}', String(id)).replace('{format}', 'ndjson')
        const query = name.startsWith('search') ? '?q=hello' : name === 'listEvents' ? `?after=${cursor}` : ''
        paths.set(name, filled + query)
      }
    }
  })
  after(() => site.close())

  const complete = () => [...paths].filter(([name]) => !STREAMS.includes(name))
  const isList = (name: string) =>
    Object.values(schemaOf(name).properties ?? {}).some(
      ({ type, items }) => type === 'array' && schemasOf(items as Schema).some(({ type }) => type === 'object'),
    )

  it('has an ETag, and 304 for who knows it', async () => {
    for (const [name, path] of complete()) {
      const { status, headers, text } = await ask('GET', path)
      assert.equal(status, 200, `${name} ${text}`)
      const etag = headers.get('etag') ?? ''
      assert.match(etag, /^W\/"[\w.-]+"$/, name)
      if (ALWAYS_NEW.includes(name)) {
        continue
      }
      const again = await ask('GET', path, { 'if-none-match': etag })
      assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', etag], name)
    }
  })

  it('answers HEAD as GET, without the body', async () => {
    for (const [name, path] of complete().filter(([name]) => !ALWAYS_NEW.includes(name))) {
      const [get, head] = [await ask('GET', path), await ask('HEAD', path)]
      const told = ({ headers }: typeof get) =>
        [...headers].filter(([header]) => !['date', 'x-request-id', 'connection', 'keep-alive'].includes(header))
      assert.deepEqual([head.status, head.text, told(head)], [200, '', told(get)], name)
    }
  })

  it('says its methods to OPTIONS, and what pages of other origins may send', async () => {
    for (const [name, path] of paths) {
      const { status, headers } = await new Visitor(site).send('OPTIONS', path)
      assert.equal(status, 204, name)
      const methods = (headers.get('allow') ?? '').split(', ')
      for (const known of [...document.operations.values()].filter(one => one.path === document.known(name).path)) {
        assert.ok(methods.includes(known.method), `${name}: ${methods}`)
      }
      assert.ok(methods.includes('HEAD') && methods.includes('OPTIONS'), `${name}: ${methods}`)
      const preflight = await new Visitor(site).send('OPTIONS', path, undefined, {
        origin: 'https://app.example.org',
        'access-control-request-method': 'GET',
      })
      assert.equal(preflight.status, 204, name)
      assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example.org', name)
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /\bGET\b/, name)
      assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /\bauthorization\b/, name)
    }
  })

  it('refuses with 406 what it does not have', async () => {
    for (const [name, path] of paths) {
      const answer = await ask('GET', path, { accept: 'image/png' })
      assert.deepEqual([answer.status, answer.json?.code], [406, 'not_acceptable'], name)
    }
  })

  it('takes a limit if it is a list, and links to the rest by a whole address', async () => {
    for (const [name, path] of complete().filter(([name]) => isList(name))) {
      const limited = `${path}${path.includes('?') ? '&' : '?'}limit=1`
      const answer = await ask('GET', limited)
      if (WHOLE[name]) {
        assert.equal(answer.json.code, 'unknown_field', `${name} takes a limit: it is no exception any more`)
        continue
      }
      assert.equal(answer.status, 200, `${name} ${answer.text}`)
      const items = Object.values(answer.json as Json).find(Array.isArray) ?? []
      assert.equal(items.length, 1, name)
      const [, url] = /^<([^>]+)>; rel="(?:next|prev)"$/.exec(answer.headers.get('link') ?? '') ?? []
      assert.ok(url?.startsWith(`${site.url}/api/`), `${name}: ${answer.headers.get('link')}`)
      assert.equal((await ask('GET', url ?? '')).status, 200, name)
    }
  })

  it('writes each time as RFC 3339 does, and calls it one in the document', async () => {
    let times = 0
    for (const [name, path] of complete()) {
      const { json } = await ask('GET', path)
      document.isDocumented(name, await ask('GET', path))
      for (const { key, value, schema } of textsIn(json, schemaOf(name))) {
        const isTime = schemasOf(schema).some(({ format }) => format === 'date-time')
        assert.equal(isTime, TIME.test(value), `${name}: ${key} ${value}`)
        times += isTime ? 1 : 0
      }
    }
    assert.ok(times >= 20, `${times}`)
  })

  async function ask(method: string, path: string, headers: Record<string, string> = {}) {
    return ann.call(method, path, undefined, { accept: 'application/json', ...headers })
  }

  function schemaOf(name: string): Schema {
    const { responses } = document.known(name).operation
    return resolved(responses[200]?.content?.['application/json']?.schema ?? {})
  }

  function resolved(schema: Schema): Schema {
    const [, name] = /^#\/components\/schemas\/(\w+)$/.exec(String(schema.$ref)) ?? []
    return name ? resolved(document.json.components.schemas[name] as Schema) : schema
  }

  function schemasOf(schema: Schema): Schema[] {
    const { anyOf, allOf, ...rest } = resolved(schema)
    return [rest, ...[...(anyOf ?? []), ...(allOf ?? [])].flatMap(schemasOf)]
  }

  /** Every text of an answer, with its own schema. */
  function textsIn(value: unknown, schema: Schema, key = ''): { key: string; value: string; schema: Schema }[] {
    if (typeof value === 'string') {
      return [{ key, value, schema }]
    }
    const schemas = schemasOf(schema)
    if (Array.isArray(value)) {
      const items = { anyOf: schemas.flatMap(({ items }) => (items ? [items as Schema] : [])) }
      return value.flatMap(one => textsIn(one, items, key))
    }
    return Object.entries(value ?? {}).flatMap(([name, one]) => {
      const named = { anyOf: schemas.flatMap(({ properties: { [name]: found } = {} }) => (found ? [found] : [])) }
      return textsIn(one, named, name)
    })
  }
})
