import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Visitor } from '../support/visitor.js'
import { assertAlert, assertPage, assertProblem } from './answers.js'
import { stored } from './rows.js'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const SECRET = 'hunter2 hunter2'

type Kind = 'page' | 'fragment' | 'JSON'
type Fields = Record<string, unknown>

/** One thing to do, by its path for people and the one for programs, and fields that would do. */
interface Action {
  name: string
  page: string
  api: { method: string; path: string; status: number }
  /** Done by visitors, who have a form token of their own. */
  entrance?: boolean
  /** Of a form that comes back: the fields that hold what was typed. */
  returns?: string[]
  fields: () => Fields
  /** What must stand in their place to be taken. */
  good?: Fields
  /** The fields that must be there and filled. */
  required: string[]
  optional: string[]
  tooLong: Record<string, string[]>
}

interface Body {
  label: string
  type: string
  body: string | Uint8Array<ArrayBuffer>
  status?: number
}

describe('bad fields', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  let id: string
  let count = 0
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'to edit' })
    id = (await ann.send('GET', `/api/chats/${uri}/messages`)).json.messages[0].id
  })
  after(() => site.close())

  const actions: Action[] = [
    {
      name: 'signing up',
      page: '/signup',
      api: { method: 'POST', path: '/auth/users/create/', status: 400 },
      entrance: true,
      fields: () => ({ username: `someone${++count}`, password: SECRET, email: 'someone@example.org', next: '/' }),
      required: ['username', 'password'],
      optional: ['email', 'next'],
      tooLong: {
        username: ['x'.repeat(151), 'é'.repeat(151), '\ufdfa'.repeat(9), randomText(10_000)],
        password: [randomText(1025), 'é'.repeat(513)],
        email: [`${'x'.repeat(250)}@example.org`, `${randomText(5_000)}@example.org`],
      },
    },
    {
      name: 'signing in',
      page: '/login',
      api: { method: 'POST', path: '/auth/token/create/', status: 400 },
      entrance: true,
      fields: () => ({ username: 'ann', password: SECRET, next: '/' }),
      good: { password: PASSWORD },
      required: ['username', 'password'],
      optional: ['next'],
      tooLong: { username: ['x'.repeat(151), randomText(10_000)], password: [randomText(1025)] },
    },
    {
      name: 'starting a chat',
      page: '/chats',
      api: { method: 'POST', path: '/api/chats/', status: 422 },
      fields: () => ({ title: 'A title' }),
      required: [],
      optional: ['title'],
      tooLong: { title: ['x'.repeat(201), '😀'.repeat(201), randomText(10_000)] },
    },
    {
      name: 'changing a chat',
      page: '/chats/:uri/settings',
      api: { method: 'PATCH', path: '/api/chats/:uri/settings/', status: 422 },
      fields: () => ({ title: 'A title', read_only: false, guests: true }),
      required: [],
      optional: ['title'],
      tooLong: { title: ['x'.repeat(201), '😀'.repeat(201), randomText(10_000)] },
    },
    {
      name: 'joining',
      page: '/chats/:uri/members',
      api: { method: 'PATCH', path: '/api/chats/:uri/', status: 422 },
      fields: () => ({ username: 'ann' }),
      required: [],
      optional: ['username'],
      tooLong: {},
    },
    {
      name: 'changing one’s name',
      page: '/account',
      api: { method: 'PATCH', path: '/api/account/', status: 422 },
      returns: ['name'],
      fields: () => ({ name: `Ann Lee ${++count}` }),
      required: [],
      optional: ['name'],
      tooLong: { name: ['x'.repeat(51), 'x\u0323\u0332'.repeat(51), '\ufdfa'.repeat(9), randomText(10_000)] },
    },
    {
      name: 'changing one’s e-mail address',
      page: '/account',
      api: { method: 'PATCH', path: '/api/account/', status: 422 },
      returns: ['email'],
      fields: () => ({ email: 'ann@example.org', password: SECRET }),
      good: { email: 'ann@example.org', password: PASSWORD },
      required: ['password'],
      optional: ['email'],
      tooLong: { email: [`${'x'.repeat(250)}@example.org`, `${randomText(5_000)}@example.org`] },
    },
    {
      name: 'making a token',
      page: '/account/tokens',
      api: { method: 'POST', path: '/api/account/tokens/', status: 422 },
      returns: ['name'],
      fields: () => ({ name: 'a script & <more>' }),
      required: ['name'],
      optional: [],
      tooLong: { name: ['x'.repeat(101), '😀'.repeat(101), randomText(10_000)] },
    },
    {
      name: 'changing one’s password',
      page: '/account/password',
      api: { method: 'PUT', path: '/api/account/password/', status: 422 },
      returns: [],
      fields: () => ({ current_password: SECRET, password: SECRET }),
      good: { current_password: PASSWORD, password: PASSWORD },
      required: ['current_password', 'password'],
      optional: [],
      tooLong: {
        current_password: [randomText(1025), 'é'.repeat(513)],
        password: [randomText(1025), 'é'.repeat(513)],
      },
    },
    {
      name: 'posting',
      page: '/chats/:uri/messages',
      api: { method: 'POST', path: '/api/chats/:uri/messages/', status: 422 },
      fields: () => ({ message: 'what was typed & <kept>', key: `key ${++count}` }),
      required: ['message'],
      optional: ['key'],
      tooLong: {
        message: ['x'.repeat(2001), '😀'.repeat(2001), 'x\n'.repeat(2000).concat('x'), randomText(60_000)],
        key: ['k'.repeat(201), randomText(10_000)],
      },
    },
    {
      name: 'editing',
      page: '/chats/:uri/messages/:id',
      api: { method: 'PATCH', path: '/api/chats/:uri/messages/:id/', status: 422 },
      fields: () => ({ message: `what was typed & <kept> ${++count}` }),
      required: ['message'],
      optional: [],
      tooLong: { message: ['x'.repeat(2001), '😀'.repeat(2001), randomText(60_000)] },
    },
    {
      name: 'reacting',
      page: '/chats/:uri/messages/:id/reactions',
      api: { method: 'POST', path: '/api/chats/:uri/messages/:id/reactions/', status: 422 },
      fields: () => ({ emoji: '👍' }),
      required: ['emoji'],
      optional: [],
      tooLong: { emoji: ['👍👍', randomText(10_000)] },
    },
    {
      name: 'coming as a guest',
      page: '/chats/:uri/guests',
      api: { method: 'POST', path: '/api/chats/:uri/guests/', status: 422 },
      entrance: true,
      fields: () => ({ name: `Guest ${++count}` }),
      required: ['name'],
      optional: [],
      tooLong: { name: ['x'.repeat(51), randomText(10_000)] },
    },
  ]

  for (const action of actions) {
    for (const kind of ['page', 'fragment', 'JSON'] as const) {
      // Forms refuse all fields by the same code.
      const long = kind === 'JSON' || action.name === 'signing up' ? '' : ' @long'
      describe(`${action.name}, answered as ${kind}${long}`, () => {
        it('takes what is good, so that it is not everything that is refused', async () => {
          const { path, method } = request(action, kind)
          const fields = { ...action.fields(), ...action.good }
          const body = { label: 'good', type: JSON_TYPE, body: JSON.stringify(fields) }
          const { status, text } = await sendTo(kind, path, method, body, action.entrance)
          assert.ok(status >= 200 && status < 400, `${status} ${text}`)
          // Whose session may be another one now.
          await ann.get('/')
        })

        // A program is led nowhere: for it `next` is a field like any that has no meaning.
        const optional = action.optional.filter(field => kind !== 'JSON' || field !== 'next')
        for (const field of [...action.required, ...optional]) {
          it(`refuses whatever ${field} cannot be`, async () => {
            await refuses(kind, action, field, [
              ...badValues(action, field),
              ...(action.required.includes(field) ? missingValues(action, field) : []),
            ])
          })
        }

        it('refuses a body that cannot be read', async () => {
          await refuses(kind, action, undefined, badBodies(action))
        })
      })
    }
  }

  describe('a field that may be left out', () => {
    it('may also be empty, blank or null', async () => {
      for (const value of [undefined, '', '  ', null]) {
        const label = String(value)
        const username = `free${++count}`
        const send = (path: string, fields: Fields) =>
          sendTo('JSON', path, 'POST', { label, type: JSON_TYPE, body: JSON.stringify(fields) })
        const made = await send('/auth/users/create/', { username, password: PASSWORD, email: value, next: value })
        assert.equal(made.status, 201, label)
        const chat = await send('/api/chats/', { title: value })
        assert.equal(chat.status, 201, label)
        assert.equal(chat.json.title, null)
        if (value !== '  ') {
          assert.equal((await send(`/api/chats/${uri}/messages/`, { message: 'hello', key: value })).status, 201, label)
        }
      }
    })
  })

  describe('a message', () => {
    it('of exactly 2,000 characters is taken, whatever they take in UTF-16 and UTF-8', async () => {
      for (const text of ['😀'.repeat(2000), 'x'.repeat(2000), 'é'.repeat(2000)]) {
        const posted = await sendTo('JSON', '/api/chats/:uri/messages/', 'POST', {
          label: 'JSON',
          type: JSON_TYPE,
          body: JSON.stringify({ message: text }),
        })
        assert.equal(posted.status, 201)
        assert.equal(posted.json.message, text)
        const page = await ann.post(`/chats/${uri}/messages`, { message: text })
        assert.equal(page.status, 303)
        const fragment = await ann.htmx('POST', `/chats/${uri}/messages`, { message: text })
        assert.ok([201, 204].includes(fragment.status))
        const { messages } = (await ann.send('GET', `/api/chats/${uri}/messages?limit=3`)).json
        assert.deepEqual(
          messages.map((item: { message: string }) => item.message),
          [text, text, text],
        )
      }
    })

    it('counts a line end as one character, however it is sent', async () => {
      const lines = `${'x\r\n'.repeat(999)}xy`
      const posted = await ann.post(`/chats/${uri}/messages`, { message: lines })
      assert.equal(posted.status, 303)
      assert.equal(await newest(), lines.replaceAll('\r\n', '\n'))
    })

    it('is stored with its line ends as \\n and without the blank lines around it', async () => {
      for (const [typed, kept] of [
        ['a\r\nb\rc\nd', 'a\nb\nc\nd'],
        ['\r\n \n  indented\n\n', '  indented'],
        ['a\r\n\r\nb', 'a\n\nb'],
        ['a\r\n\n\rb', 'a\n\n\nb'],
        ['  a  b\t', '  a  b'],
      ] as const) {
        await ann.post(`/chats/${uri}/messages`, { message: typed })
        assert.equal(await newest(), kept)
      }
    })

    async function newest() {
      return (await ann.send('GET', `/api/chats/${uri}/messages?limit=1`)).json.messages[0].message
    }
  })

  describe('a body of 3 MB without a length', () => {
    it('is refused with 413 in all three forms', async () => {
      for (const headers of [{ accept: 'text/html, */*' }, { 'hx-request': 'true' }, { accept: JSON_TYPE }]) {
        const chunk = new Uint8Array(100_000).fill(120)
        let sent = 0
        const body = new ReadableStream({
          pull(controller) {
            if (sent++ < 30) controller.enqueue(chunk)
            else controller.close()
          },
        })
        const answer = await fetch(`${site.url}/login`, {
          method: 'POST',
          headers: { ...headers, 'content-type': FORM },
          body,
          duplex: 'half',
        } as RequestInit)
        assert.equal(answer.status, 413)
        assert.notEqual(await answer.text(), '')
      }
    })
  })

  /** Sends each bad body, and names in one list all that were not refused as they must be. */
  async function refuses(kind: Kind, action: Action, field: string | undefined, bodies: Body[]) {
    const { path, method, status } = request(action, kind)
    const before = await stored(site)
    const wrong: string[] = []
    for (const body of bodies) {
      const answer = await sendTo(kind, path, method, body, action.entrance)
      try {
        const expected = body.status ?? status
        assert.equal(answer.status, expected)
        assert.ok(!answer.text.includes(SECRET), 'the password came back')
        if (kind === 'JSON') {
          assertProblem(answer, expected)
          if (field && body.status === undefined) {
            const { errors = {} } = answer.json
            // A name that is too long to sign in with is one that nobody has.
            const sentences: string[] =
              errors[field] ?? (body.label.startsWith('too long') && errors.non_field_errors) ?? []
            assert.ok(sentences.length > 0, `no sentence for ${field}: ${answer.text}`)
            for (const sentence of sentences) {
              assert.match(sentence, /^[A-Z].*\.$/)
              assert.doesNotMatch(sentence, /invalid input|expected|received/i)
            }
          }
        } else if (kind === 'fragment') {
          assertAlert(answer)
        } else {
          assertPage(answer)
          if (expected === 422) {
            assertTyped(answer, action, body)
          }
        }
      } catch (error) {
        wrong.push(`${body.label}: ${(error as Error).message.split('\n')[0]} (${answer.status})`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.deepEqual(await stored(site), before)
  }

  /** Where there is a form it comes back with what was typed, as far as that was text. */
  function assertTyped(answer: Answer, action: Action, { body, type }: Body) {
    const at = action.page.replace(':uri', uri).replace(':id', id)
    const form = action.page === '/chats/:uri/messages' ? 'id="composer"' : `action="${at}"`
    if (action.entrance || action.returns || action.page === '/chats/:uri/messages') {
      assert.ok(answer.text.includes(form) || answer.text.includes(form.replace(/"$/, '#')), 'the form is gone')
    }
    if (type !== JSON_TYPE || typeof body !== 'string') {
      return
    }
    const sent: Fields = JSON.parse(body)
    const shown = unescapeHtml(answer.text)
    for (const field of action.returns ?? (action.entrance ? ['username', 'email', 'name'] : ['message'])) {
      const value = sent[field]
      const fits = typeof value === 'string' && value.isWellFormed() && !value.includes('\0') && !value.includes('\r')
      if (fits && field in action.fields()) {
        assert.ok(shown.includes(value), `${field} did not come back`)
      }
    }
  }

  async function sendTo(kind: Kind, path: string, method: string, { type, body }: Body, entrance = false) {
    const browser = entrance ? new Visitor(site) : ann
    if (entrance && !path.startsWith('/auth/')) {
      await browser.get('/login')
    }
    return browser.send(method, path.replace(':uri', uri).replace(':id', id), body, {
      ...(type ? { 'content-type': type } : {}),
      'x-csrf-token': browser.csrf,
      accept: kind === 'JSON' ? JSON_TYPE : 'text/html, */*',
      ...(kind === 'fragment' ? { 'hx-request': 'true' } : {}),
    })
  }
})

/** Where the action is asked for, and the status of bad input there. */
function request({ page, api }: Action, kind: Kind) {
  return kind === 'JSON' ? api : { method: 'POST', path: page, status: 422 }
}

/** The same field as everything that it cannot be, in a form and in JSON. */
function badValues(action: Action, field: string): Body[] {
  const fields = action.fields()
  const good = String(fields[field])
  const json = (label: string, value: unknown): Body => ({
    label,
    type: JSON_TYPE,
    body: JSON.stringify({ ...fields, [field]: value }),
  })
  const rest = new URLSearchParams(Object.entries(fields).filter(([name]) => name !== field) as [string, string][])
  const form = (label: string, text: string, status?: number): Body => ({
    label,
    type: FORM,
    body: `${rest}&${text}`,
    ...(status ? { status } : {}),
  })
  const value = encodeURIComponent(good)
  return [
    json('JSON list', [good]),
    json('JSON empty list', []),
    json('JSON nested list', [[good]]),
    json('JSON object', { $ne: null }),
    json('JSON empty object', {}),
    json('JSON object like a text', { toString: 'x', length: 3 }),
    json('JSON number', 5),
    json('JSON zero', 0),
    json('JSON true', true),
    json('JSON false', false),
    json('JSON NUL', `${good}\0`),
    json('JSON lone high surrogate', `${good}\ud800`),
    json('JSON lone low surrogate', `\udc00${good}`),
    json('JSON surrogates the wrong way round', `${good}\udc00\ud800`),
    form('repeated', `${field}=${value}&${field}=${value}`),
    form('repeated, once as a list', `${field}=${value}&${field}%5B%5D=${value}`),
    form('as a list', `${field}[]=${value}`),
    form('NUL', `${field}=${value}%00`),
    form('invalid UTF-8 in %', `${field}=${value}%FF`, 400),
    form('cut UTF-8 in %', `${field}=${value}%F0%9F%98`, 400),
    form('surrogate in UTF-8', `${field}=${value}%ED%A0%80`, 400),
    form('overlong UTF-8', `${field}=${value}%C0%80`, 400),
    {
      label: 'raw bytes that are no UTF-8',
      type: FORM,
      body: Buffer.concat([Buffer.from(`${rest}&${field}=${value}`), Buffer.from([0xff])]),
      status: 400,
    },
    {
      label: 'JSON with raw bytes that are no UTF-8',
      type: JSON_TYPE,
      body: Buffer.concat([Buffer.from(`{"${field}":"x`), Buffer.from([0xff]), Buffer.from('"}')]),
      status: 400,
    },
    {
      label: 'a file',
      ...multipart(rest, `name="${field}"; filename="a.txt"\r\nContent-Type: text/plain`, good),
    },
    {
      label: 'multipart, repeated',
      ...multipart(new URLSearchParams([...rest, [field, good]]), `name="${field}"`, good),
    },
    { label: 'multipart NUL', ...multipart(rest, `name="${field}"`, `${good}\0`) },
    ...(action.tooLong[field] ?? []).flatMap((long, n) => [
      json(`too long ${n}`, long),
      ...(encodeURIComponent(long).length < LIMITS.body - 1000
        ? [form(`too long ${n} in a form`, `${field}=${encodeURIComponent(long)}`)]
        : []),
    ]),
  ]
}

/** What a field that is required cannot be besides. */
function missingValues(action: Action, field: string): Body[] {
  const fields = action.fields()
  const json = (label: string, value: unknown): Body => ({
    label,
    type: JSON_TYPE,
    body: JSON.stringify({ ...fields, [field]: value }),
  })
  const rest = new URLSearchParams(Object.entries(fields).filter(([name]) => name !== field) as [string, string][])
  return [
    json('left out', undefined),
    json('null', null),
    json('empty', ''),
    json('blank', ' \t\r\n\u00a0\u3000\u2028'),
    { label: 'left out of a form', type: FORM, body: String(rest) },
    { label: 'empty in a form', type: FORM, body: `${rest}&${field}=` },
    { label: 'blank in a form', type: FORM, body: `${rest}&${field}=%20%0D%0A%C2%A0` },
    { label: 'left out of multipart', ...multipart(rest, 'name="next"', '') },
  ]
}

function badBodies(action: Action): Body[] {
  const fields = action.fields()
  const json = JSON.stringify(fields)
  const form = String(new URLSearchParams(fields as Record<string, string>))
  const key = (name: string): Body[] => [
    { label: `JSON with ${name}`, type: JSON_TYPE, body: `{"${name}":{"x":"y"},${json.slice(1)}`, status: 400 },
    { label: `a form with ${name}`, type: FORM, body: `${form}&${name}=x`, status: 400 },
    { label: `a form with ${name}[]`, type: FORM, body: `${form}&${name}[]=x`, status: 400 },
    { label: `multipart with ${name}`, ...multipart(new URLSearchParams(form), `name="${name}"`, 'x'), status: 400 },
  ]
  return [
    { label: '3 MB of a form', type: FORM, body: `${form}&x=${'x'.repeat(3_000_000)}`, status: 413 },
    { label: '3 MB of JSON', type: JSON_TYPE, body: `{"x":"${'x'.repeat(3_000_000)}"}`, status: 413 },
    { label: 'one byte too many', type: FORM, body: form.padEnd(LIMITS.body + 1, '&'), status: 413 },
    { label: 'more than 100 fields', type: FORM, body: `${form}${'&a=b'.repeat(101)}`, status: 413 },
    ...['text/plain', 'application/xml', 'application/octet-stream', 'text/json', 'nonsense', ''].map(type => ({
      label: `type "${type}"`,
      type,
      body: Buffer.from(form),
      status: 415,
    })),
    ...['{', `${json}}`, "{'a':1}", '{"a":1,}', '[1', 'undefined', 'NaN', form, '\0'].map(body => ({
      label: `JSON ${body.slice(0, 20)}`,
      type: JSON_TYPE,
      body,
      status: 400,
    })),
    ...[`[${json}]`, '[]', '"text"', '5', 'true', 'null'].map(body => ({
      label: `JSON without fields: ${body.slice(0, 20)}`,
      type: JSON_TYPE,
      body,
      status: 400,
    })),
    { label: 'JSON 30,000 deep', type: JSON_TYPE, body: '['.repeat(30_000) + ']'.repeat(30_000), status: 400 },
    { label: 'multipart without boundary', type: 'multipart/form-data', body: form, status: 400 },
    { label: 'multipart that is none', type: 'multipart/form-data; boundary=b', body: form, status: 400 },
    {
      label: 'multipart without end',
      type: 'multipart/form-data; boundary=b',
      body: '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
      status: 400,
    },
    ...key('__proto__'),
    ...key('constructor'),
    ...key('prototype'),
  ]
}

function multipart(rest: URLSearchParams, disposition: string, value: string) {
  const parts = [...rest].map(([name, text]) => [`name="${name}"`, text] as const)
  const body = [...parts, [disposition, value] as const]
    .map(([head, text]) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`)
    .join('')
  return { type: 'multipart/form-data; boundary=b', body: `${body}--b--\r\n` }
}

/** Text that does not compress: an index can hold a long run of one letter, but not this. */
function randomText(length: number): string {
  let state = length
  return Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return 'abcdefghijklmnopqrstuvwxyz0123456789'[(state >> 8) % 36]
  }).join('')
}

function unescapeHtml(html: string): string {
  return html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
