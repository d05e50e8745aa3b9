import assert from 'node:assert/strict'
import type { Parts } from '../../src/http/context.js'
import { marksOfLayer } from '../../src/http/marks.js'
import { API, routerOf } from '../../src/routes/index.js'
import { ApiDocument, bodyOf, codesOf, type Json, type Operation, type Schema } from '../support/api-document.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { openEvents, openSocket } from '../support/streams.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

/** Who asks, and for what. */
interface Request {
  send: (path: string, body: Json | undefined, headers?: Record<string, string>) => Promise<Answer>
  path: string
  body?: Json
}

/** What can be imported. */
const FILE = [{ user: { name: 'Ann' }, message: 'hello', created_at: '2026-01-01T16:04:12Z' }]

/** One that is no version counts as none: the sign is late then, not lost. */
const TOLERANT = ['tellTyping after']

/** It holds what is sent and what is answered against the document that the site itself hands out. */
describe('the document of the API', () => {
  let site: Site
  let ann: Program
  let count = 0
  let api: ApiDocument
  before(async () => {
    // As in the example of a ticket.
    site = await openSite({ CORS_ORIGINS: 'https://app.example.org' })
    ann = await signUpProgram(site, 'ann')
    api = await ApiDocument.of(site)
  })
  after(() => site.close())

  it('has every request that programs can send', () => {
    const missing = routerOf({} as Parts)
      .stack.filter(layer => ['auth', ...API].includes(String(layer.path).split('/')[1] ?? ''))
      .filter(layer => !marksOfLayer(layer).forPages && !marksOfLayer(layer).operation)
    assert.deepEqual(
      missing.map(({ methods, path }) => `${methods} ${path}`),
      [],
    )
    assert.equal(api.json.openapi, '3.1.0')
  })

  /** A chat of ann's, where bob has said something, and who else is needed. */
  async function chat() {
    const owner = await signUpProgram(site, `owner${++count}`)
    const bob = await signUpProgram(site, `bob${count}`)
    const uri = (await owner.call('POST', '/api/chats/', { title: 'Release party' })).json.uri as string
    await bob.join(uri)
    const bob_id = (await bob.call('GET', '/api/account/')).json.id as number
    const id = (await owner.post(uri, 'hello')).json.id as number
    return { owner, bob, bob_id, uri, id }
  }

  async function inSession(username: string) {
    const visitor = await new Visitor(site).signUp(username)
    return byScript(visitor)
  }

  function byScript(visitor: Visitor) {
    return (method: string, path: string, body?: Json, headers = {}) =>
      visitor.send(method, path, body && JSON.stringify(body), {
        'content-type': 'application/json',
        accept: 'application/json',
        'x-csrf-token': visitor.csrf,
        ...headers,
      })
  }

  /** A request that is taken, made of the document's example and of what must be there for it. */
  async function prepare(id: string): Promise<Request> {
    const { method, path, operation } = api.known(id)
    const made = await chat()
    const by =
      (program: Program): Request['send'] =>
      (path, body, headers) =>
        program.call(method, path, body, headers)
    const example = operation.requestBody?.content['application/json']?.example
    const own = await signUpProgram(site, `own${++count}`)
    const last = async (list: string, name: string) =>
      String((await own.call('GET', list)).json[name].find((one: Json) => one.current !== undefined)?.id)
    const name = id.replace(/\d$/, '')
    let send = by(made.owner)
    let body = example
    let target = String(made.id)
    let hook = ''
    switch (name) {
      case 'createUser':
        body = { ...example, username: `new${++count}` }
        send = by(own)
        break
      case 'createToken':
      case 'destroyToken':
      case 'revokeTokens':
        send = by(own)
        break
      case 'revokeToken':
      case 'revokeAccountToken':
        send = by(own)
        target = await last('/auth/tokens/', 'tokens')
        break
      case 'endSession':
      case 'listSessions':
      case 'setPassword':
      case 'makeToken': {
        const session = await inSession(`session${++count}`)
        send = (path, body, headers) => session(method, path, body, headers)
        target = (await session('GET', '/api/account/sessions/')).json.sessions[0].id
        break
      }
      case 'keepAccount': {
        const session = byScript(await guest(site, 'Gus'))
        send = (path, body, headers) => session(method, path, body, headers)
        body = { ...example, username: `kept${++count}` }
        break
      }
      case 'startAsGuest':
      case 'joinAsGuest': {
        const visitor = new Visitor(site)
        const session = byScript(visitor)
        send = (path, body, headers) => session(method, path, body, headers)
        break
      }
      case 'changeAccount':
        send = by(own)
        body = { name: `Ann Lee ${++count}` }
        break
      case 'deleteAccount':
      case 'joinChat':
        send = by(own)
        break
      case 'leaveChat':
        send = by(made.bob)
        break
      case 'removeMember':
        target = String(made.bob_id)
        break
      case 'handOver':
        body = { user_id: made.bob_id }
        break
      case 'liftBan':
        target = String(made.bob_id)
        await made.owner.call('DELETE', `/api/chats/${made.uri}/members/${made.bob_id}/`, { ban: true })
        break
      case 'importChat':
        // As JSON, which the sender of all others makes.
        send = (path, _body, headers) => own.call(method, path, FILE, headers)
        body = {}
        break
      case 'postByHook':
      case 'removeBot':
      case 'replaceBotToken':
      case 'replaceHook':
      case 'revokeHook': {
        const { json } = await made.owner.call('POST', `/api/chats/${made.uri}/bots/`, { name: 'deploy' })
        target = String(json.id)
        hook = json.hook_url.split('/').at(-1)
        break
      }
      case 'deleteChat':
        body = { name: 'Release party' }
        break
    }
    const filled = path
      .replace('{uri}', made.uri)
      .replace('{id}', target)
      .replace('{format}', 'ndjson')
      .replace('{key}', hook)
      .replace('{emoji}', encodeURIComponent('👍'))
    return { send, path: name.startsWith('search') ? `${filled}?q=hello` : filled, ...(body ? { body } : {}) }
  }

  const IDS = Object.values(routerOf({} as Parts).stack)
    .map(layer => marksOfLayer(layer).operation?.id)
    .filter(id => id !== undefined)

  for (const id of new Set(IDS)) {
    it(`says what ${id} takes and answers`, async () => {
      for (const [name, { operation }] of api.operations) {
        if (name.replace(/\d$/, '') === id) {
          await isTaken(name)
          await isRefused(name, operation)
        }
      }
    })
  }

  async function isTaken(id: string) {
    const { operation } = api.known(id)
    if (id === 'followChat') {
      const { owner, bob, uri } = await chat()
      const stream = await openEvents(site, `/api/chats/${uri}/live/?after=0`, owner)
      await owner.post(uri, 'more')
      await bob.call('POST', `/api/chats/${uri}/typing/`, {})
      await owner.call('DELETE', `/api/chats/${uri}/`, { name: 'Release party' })
      await stream.over()
      const sent = stream.sent.filter(({ data }) => data !== undefined)
      assert.ok(['ready', 'joined', 'message', 'gone'].every(kind => sent.some(({ event }) => event === kind)))
      for (const { event, data = '' } of sent) {
        api.conforms({ event, ...JSON.parse(data) }, { $ref: '#/components/schemas/StreamEvent' }, id)
      }
      return
    }
    if (id === 'followAllChats') {
      const { owner, bob, uri } = await chat()
      const stream = await openEvents(site, '/api/live/', owner)
      const socket = await openSocket(site, '/api/live/', owner)
      const { id: begun } = await stream.first(({ event }) => event === 'ready')
      const carl = await signUpProgram(site, `carl${count}`)
      await carl.join(uri)
      const posted = (await owner.post(uri, 'more')).json.id
      await bob.call('PUT', `/api/chats/${uri}/messages/${posted}/reactions/${encodeURIComponent('👍')}/`)
      await owner.call('PATCH', `/api/chats/${uri}/messages/${posted}/`, { message: 'otherwise' })
      await owner.call('PATCH', `/api/chats/${uri}/`, { title: 'Renamed' })
      await carl.call('DELETE', `/api/chats/${uri}/members/me/`)
      await stream.first(({ event }) => event === 'left')
      const listed = await owner.call('GET', `/api/events/?after=${begun}`)
      api.isDocumented('listEvents', listed)
      await owner.call('DELETE', `/api/chats/${uri}/`, { name: 'Renamed' })
      await stream.first(({ event }) => event === 'gone')
      api.isDocumented('listEvents', await owner.call('GET', `/api/events/?after=${begun}`))
      await owner.call('POST', '/auth/token/destroy/')
      await stream.over()
      await socket.closed()
      const sent = stream.sent.filter(({ data }) => data !== undefined)
      const kinds = ['ready', 'joined', 'message', 'reacted', 'edited', 'renamed', 'left', 'gone']
      assert.deepEqual(
        kinds.filter(kind => !sent.some(({ event }) => event === kind)),
        [],
      )
      const schema = operation.responses[200]?.content?.['text/event-stream']?.['x-event-schema'] as Json
      for (const { event, data = '' } of sent) {
        assert.equal(JSON.parse(data).event, event)
        api.conforms(JSON.parse(data), schema, id)
      }
      for (const message of [socket.ready, ...socket.events]) {
        api.conforms(message, schema, `${id} by WebSocket`)
      }
      return
    }
    const { send, path, body } = await prepare(id)
    const schema = bodyOf(operation)
    if (schema) {
      api.conforms(body ?? {}, schema, `${id}: what is sent`)
    }
    const answer = await send(path, body)
    assert.ok(answer.status < 300, `${id}: ${answer.text}`)
    api.isDocumented(id, answer)
  }

  async function isRefused(id: string, operation: Operation) {
    const { send, path, body = {} } = await prepare(id)
    const isGet = api.known(id).method === 'GET'
    const refused = async (path: string, body: Json | undefined, code: string, field?: string) => {
      const answer = await send(path, isGet ? undefined : body)
      api.isDocumented(id, answer)
      assert.equal(answer.json?.code, code, `${id} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`)
      if (field) {
        assert.ok(answer.json.field_codes[field], `${id}: ${field}`)
      }
    }
    const schema = bodyOf(operation)
    // What other people's clients call takes any field.
    if (id.startsWith('destroyToken') || (schema && schema.additionalProperties !== false)) {
      const { headers } = await send(path, { ...body, nonsense_here: 1 })
      assert.equal(headers.get('ignored-fields'), 'nonsense_here', id)
    } else {
      const joint = path.includes('?') ? '&' : '?'
      await refused(`${path}${joint}nonsense_here=1`, body, 'unknown_field', 'nonsense_here')
      if (!isGet && id !== 'importChat') {
        await refused(path, { ...body, nonsense_here: 1 }, 'unknown_field', 'nonsense_here')
      }
    }
    for (const { in: place, name, schema: wanted } of operation.parameters ?? []) {
      if (place === 'query') {
        const joint = path.includes('?') ? '&' : '?'
        const bad = wanted.type === 'boolean' ? 'maybe' : name === 'q' ? '' : 'x'.repeat(name === 'title' ? 201 : 1)
        const asked = name === 'q' ? path.replace(/q=\w+/, `q=${bad}`) : `${path}${joint}${name}=${bad}`
        // A cursor of all chats that cannot be read gets a new one, like one that is too old.
        const isCursor = ['listEvents', 'followAllChats'].includes(id) && name === 'after'
        await (isCursor
          ? refused(asked, undefined, 'cursor_gone')
          : refused(asked, schema?.required ? body : undefined, 'invalid_input', name))
      }
    }
    for (const [name, property] of Object.entries(schema?.properties ?? {})) {
      for (const bad of TOLERANT.includes(`${id} ${name}`) ? [] : badValues(property)) {
        const wrong = { ...body, [name]: bad }
        if (name !== 'username' || !('title' in (schema?.properties ?? {}))) {
          api.fails(wrong, schema as Schema, `${id} ${JSON.stringify(wrong).slice(0, 80)}`)
          await refused(path, wrong, 'invalid_input', name)
        }
      }
      if (schema?.required?.includes(name)) {
        const { [name]: _, ...rest } = body
        api.fails(rest, schema, `${id} without ${name}`)
        await refused(path, rest, 'invalid_input', name)
      }
    }
    if (operation.security.length > 0) {
      const method = api.known(id).method
      const answer = await new Visitor(site).send(method, path, undefined, { accept: 'application/json' })
      assert.equal(answer.json.code, 'no_credentials', id)
      api.isDocumented(id, answer)
      const by = (program: Program) => program.call(method, path, method === 'GET' ? undefined : body)
      if (api.known(id).path.includes('{uri}') && codesOf(operation).includes('not_found') && !/^join/.test(id)) {
        const stranger = await by(await signUpProgram(site, `stranger${++count}`))
        assert.equal(stranger.json?.code, 'not_found', `${id}: ${stranger.text}`)
        api.isDocumented(id, stranger)
      }
      if (codesOf(operation).includes('owner_only') && !/^join/.test(id)) {
        const [, uri = ''] = /chats\/([\w-]+)/.exec(path) ?? []
        const member = await signUpProgram(site, `member${++count}`)
        await member.join(uri)
        const answer = await by(member)
        assert.equal(answer.json?.code, 'owner_only', `${id}: ${answer.text}`)
        api.isDocumented(id, answer)
      }
    }
  }

  /** Values that a field cannot have, as far as its schema says. */
  function badValues(schema: Schema): unknown[] {
    const { type, anyOf, maxLength, minimum, enum: values } = schema
    const kinds = (anyOf ?? [schema]).map(({ type }) => type)
    const longest = Number(maxLength ?? anyOf?.find(one => one.maxLength)?.maxLength)
    return [
      ...(kinds.some(kind => kind !== undefined) ? [[], {}] : []),
      ...(longest ? ['x'.repeat(longest + 1)] : []),
      ...(minimum === 0 ? [-1, 1.5] : []),
      ...(values ? [12345] : []),
      ...(type === 'boolean' ? ['maybe'] : []),
    ]
  }

  it('needs nobody, and is the same for all', async () => {
    const { json } = await ann.call('GET', '/api/openapi.json')
    assert.deepEqual(json, api.json)
    assert.equal((await ann.call('POST', '/api/openapi.json')).status, 405)
    assert.equal(
      PASSWORD,
      api.operations.get('createToken')?.operation.requestBody?.content['application/json']?.example?.password,
    )
  })
})
