import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import { ApiDocument, bodyOf, type Schema } from '../support/api-document.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram } from '../support/visitor.js'

/** Who asks, by a token of theirs. */
const CALLERS = ['nobody', 'unknown', 'stranger', 'member', 'owner', 'reader', 'bot'] as const
type Caller = (typeof CALLERS)[number]

/** A chat with somebody of each kind, made anew where a request may have ended it. */
interface World {
  callers: Record<Caller, Program>
  uris: string[]
  ids: number[]
  hook: string
}

/** What is asked for. Parts of the path choose among what there is in the world of that time, where they are numbers. */
interface Request {
  id: string
  by: Caller
  uri: number | string
  number: number | string
  query: Record<string, string>
  headers: Record<string, string>
  body: unknown
  /** How the body is written. */
  form: 'json' | 'form' | 'broken' | 'none' | 'text'
}

/** What a request may change though it is refused: when somebody was last there, and how often they tried. */
const NOT_STORED = { columns: ['last_used_at', 'seen_at', 'hook_used_at'], tables: ['limits', 'secrets'] }

/** Strings that have broken other programs, or mean something to this one. */
const ODD = [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e3',
  '00',
  '999999999999999',
  '9007199254740993',
  'null',
  'true',
  'NaN',
  'me',
  '%',
  '%00',
  '\0',
  '\ud800',
  '../..',
  "'",
  '"',
  '\u202e',
  'ﷺ'.repeat(20),
  '🏳️‍🌈',
  'a'.repeat(151),
  'x'.repeat(2049),
  '2026-01-01T00:00:00Z',
  '__proto__',
  '[object Object]',
]

describe('requests that are generated from the document of the API', () => {
  for (const [requests, long] of [
    [500, ''],
    [20_000, ' @long'],
  ] as const) {
    it(`are answered as it says, and what is refused changes nothing: ${requests}${long}`, async function () {
      this.timeout(1_800_000)
      for (let done = 0; done < requests; done += 500) {
        await ask(500)
      }
    })
  }

  /** With a database of its own, so that it stays small. */
  async function ask(numRuns: number) {
    const site = await openSite({ CORS_ORIGINS: 'https://app.example.org' })
    try {
      const api = await ApiDocument.of(site)
      const rows = await watchRows(site)
      const place = new Place(site, api)
      const property = fc.asyncProperty(requestOf(api), async request => {
        const world = await place.world()
        const before = await rows.newest()
        const answer = await place.send(world, request)
        assert.ok(answer.status < 500, `${answer.status} ${answer.text}`)
        api.isDocumented(request.id, answer)
        if (answer.status >= 400) {
          assert.deepEqual(await rows.after(before), [], `${answer.status} ${answer.text}`)
        }
      })
      // Not made smaller: a request depends on what others did before it.
      await fc.assert(property, { numRuns, endOnFailure: true })
    } finally {
      await site.close()
    }
  }
})

class Place {
  private made: World | undefined
  private count = 0
  private readonly site: Site
  private readonly api: ApiDocument

  constructor(site: Site, api: ApiDocument) {
    this.site = site
    this.api = api
  }

  async world(): Promise<World> {
    this.made ??= await this.create()
    return this.made
  }

  async send(
    { callers, uris, ids, hook }: World,
    { id, by, uri, number, query, headers, body, form }: Request,
  ): Promise<Answer> {
    const { method, path } = this.api.known(id)
    const chosen = <Value>(values: Value[], choice: number | string) =>
      typeof choice === 'number' ? values[choice % values.length] : choice
    const part = (value: unknown) => encodeURIComponent(String(value).toWellFormed()).replace(/^\.+$/, '%20') || '%20'
    const filled = path
      .replace('{uri}', part(chosen(uris, uri)))
      .replace('{id}', part(chosen(ids, number)))
      .replace('{key}', part(typeof uri === 'number' ? hook : uri))
      .replace('{format}', part(chosen(['ndjson', 'json', 'txt', 'csv', 'html'], number)))
      .replace('{emoji}', part(chosen(['👍', '🎉'], uri)))
    const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, value.toWellFormed()]))
    const written = method === 'GET' ? {} : writtenAs(form, withIds(body, ids))
    const { token } = callers[by]
    const response = await fetch(`${this.site.url}${filled}?${asked}`, {
      method,
      headers: { ...(token ? { authorization: `Token ${token}` } : {}), ...written.headers, ...headers },
      ...(written.body === undefined ? {} : { body: written.body }),
      redirect: 'manual',
    })
    if (response.ok && (method !== 'GET' || ++this.count % 100 === 0)) {
      this.retire(id)
    }
    return answerOf(response)
  }

  /** A request that was taken may have ended a token, a member or a chat. */
  private retire(id: string) {
    if (!/^(post|edit|react|unreact|markRead|tellTyping|createUser|createToken|start|makeTicket)/.test(id)) {
      this.made = undefined
    }
  }

  private async create(): Promise<World> {
    const { site } = this
    const person = (name: string) => signUpProgram(site, `${name}${++this.count}`)
    const [owner, member, stranger] = [await person('owner'), await person('member'), await person('stranger')]
    const uri = (await owner.call('POST', '/api/chats/', { title: 'Release party' })).json.uri
    const elsewhere = (await stranger.call('POST', '/api/chats/')).json.uri
    await member.join(uri)
    const bot = (await owner.call('POST', `/api/chats/${uri}/bots/`, { name: `deploy${++this.count}` })).json
    const reader = await owner.call('POST', '/api/account/tokens/', { name: 'reader', scopes: ['read'] })
    const posts = [await owner.post(uri, 'hello'), await member.post(uri, 'and *you*?')]
    const idOf = async (program: Program) => (await program.call('GET', '/api/account/')).json.id
    return {
      callers: {
        nobody: new Program(site),
        unknown: new Program(site, 'x'.repeat(43)),
        stranger,
        member,
        owner,
        reader: new Program(site, reader.json.auth_token),
        bot: new Program(site, bot.auth_token),
      },
      uris: [uri, uri, uri, elsewhere],
      ids: [...posts.map(({ json }) => json.id), bot.id, reader.json.id, await idOf(member), await idOf(owner)],
      hook: bot.hook_url.split('/').at(-1),
    }
  }
}

/** Numbers each row that is stored, changed or deleted, within its transaction: so it is not there where that was rolled back. */
async function watchRows({ pool }: Site) {
  const { columns, tables } = NOT_STORED
  await pool.query(`
    create table noted (n bigint generated always as identity, what text);
    create function note() returns trigger language plpgsql as $$
    begin
      if tg_op <> 'UPDATE' or to_jsonb(old) - '{${columns}}'::text[] <> to_jsonb(new) - '{${columns}}'::text[] then
        insert into noted (what) values (tg_op || ' ' || tg_table_name);
      end if;
      return null;
    end $$`)
  const { rows } = await pool.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> all ($1)",
    [[...tables, 'noted']],
  )
  for (const { relname } of rows) {
    await pool.query(
      `create trigger note after insert or update or delete on ${relname} for each row execute function note()`,
    )
  }
  return {
    newest: async (): Promise<number> =>
      (await pool.query('select coalesce(max(n), 0)::int as n from noted')).rows[0].n,
    after: async (n: number): Promise<string[]> =>
      (await pool.query('select what from noted where n > $1 order by n', [n])).rows.map(({ what }) => what),
  }
}

function requestOf(api: ApiDocument): Arbitrary<Request> {
  const odd = oddText()
  return fc.constantFrom(...api.operations.keys()).chain(id => {
    const { parameters = [], ...operation } = api.known(id).operation
    const queries = parameters.filter(({ in: place }) => place === 'query')
    const schema = bodyOf(operation)
    const example = operation.requestBody?.content['application/json']?.example ?? {}
    return fc.record({
      id: fc.constant(id),
      by: fc.constantFrom(...CALLERS, 'member', 'owner', 'owner'),
      uri: mostly<number | string>(fc.nat(40), odd),
      number: mostly<number | string>(fc.nat(40), odd),
      query: fc.record(
        Object.fromEntries(
          queries.map(({ name, schema }) => [
            name,
            name === 'wait' ? fc.constantFrom('0', 'x', '-1', '') : mostly(textOf(schema), odd),
          ]),
        ),
        { requiredKeys: queries.filter(({ required }) => required).map(({ name }) => name) },
      ),
      headers: mostly(
        fc.constant({}),
        fc.constantFrom<Record<string, string>[]>(
          { accept: 'text/html' },
          { accept: 'application/json' },
          { accept: 'text/plain' },
          { accept: 'nonsense' },
          { 'if-none-match': '*' },
          { 'idempotency-key': 'k' },
          { 'last-event-id': '1' },
          { origin: 'https://app.example.org' },
          { origin: 'https://elsewhere.example' },
          { 'content-encoding': 'gzip' },
          { cookie: 'sid=x' },
          { authorization: 'Basic x' },
        ),
      ),
      body: mostly<unknown>(schema ? fieldsOf(schema, example) : fc.constant({}), fc.jsonValue()),
      form: mostly(fc.constant('json' as const), fc.constantFrom('form', 'broken', 'none', 'text')),
    }) as Arbitrary<Request>
  })
}

/** The first one nine times of ten. */
function mostly<Value>(usual: Arbitrary<Value>, rare: Arbitrary<Value>): Arbitrary<Value> {
  return fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: rare, weight: 1 })
}

function oddText(): Arbitrary<string> {
  return fc.oneof(fc.constantFrom(...ODD), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
}

/** The fields of the example, with others in place of some, and a wrong one now and then. */
function fieldsOf({ properties = {} }: Schema, example: object): Arbitrary<object> {
  const others = Object.entries(properties).map(([name, schema]) => [
    name,
    mostly<unknown>(allowedBy(schema), fc.jsonValue({ maxDepth: 1 })),
  ])
  return fc
    .tuple(
      fc.record(Object.fromEntries(others), { requiredKeys: [] }),
      fc.boolean(),
      mostly(fc.constant({}), fc.constant({ nonsense: 1 })),
    )
    .map(([fields, whole, more]) => ({ ...(whole ? example : {}), ...fields, ...more }))
}

/** Something that a schema allows, as far as it says so. */
function allowedBy(schema: Schema): Arbitrary<unknown> {
  const { anyOf, type, items, properties, format } = schema
  const values = schema.enum as unknown[] | undefined
  if (anyOf) {
    return fc.oneof(...anyOf.map(allowedBy))
  }
  if (values) {
    return fc.constantFrom(...values)
  }
  switch ([type].flat()[0]) {
    case 'integer':
      return fc.oneof(
        fc.nat(19),
        fc.integer({ min: Number(schema.minimum ?? 0), max: Number(schema.maximum ?? 2 ** 31) }),
      )
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(allowedBy(items as Schema), { maxLength: 4 })
    case 'object':
      return fieldsOf({ properties: properties ?? {} }, {})
    case 'string':
      return format === 'date-time'
        ? fc
            .date({ min: new Date(2026, 0), max: new Date(2126, 0), noInvalidDate: true })
            .map(date => date.toISOString())
        : fc.string({ unit: 'grapheme', maxLength: Math.min(60, Number(schema.maxLength ?? 60)) })
    default:
      return fc.constant(null)
  }
}

/** The same, as a query has it. */
function textOf(schema: Schema): Arbitrary<string> {
  return schema.pattern ? fc.stringMatching(new RegExp(String(schema.pattern))) : allowedBy(schema).map(String)
}

/** With an id of the world in place of each small number. */
function withIds(body: unknown, ids: number[]): unknown {
  if (!(body instanceof Object) || Array.isArray(body)) {
    return body
  }
  const isChoice = (name: string, value: unknown) =>
    /_(id|to)$/.test(name) && typeof value === 'number' && value >= 0 && value < 20
  const fields = Object.entries(body).map(([name, value]) => [
    name,
    isChoice(name, value) ? ids[value % ids.length] : value,
  ])
  return Object.fromEntries(fields)
}

function writtenAs(form: Request['form'], body: unknown): { headers?: Record<string, string>; body?: string } {
  const json = { 'content-type': 'application/json' }
  switch (form) {
    case 'json':
      return { headers: json, body: JSON.stringify(body) }
    case 'broken':
      return { headers: json, body: `${JSON.stringify(body)}}` }
    case 'form': {
      const fields = Object.entries(body ?? {}).map(([name, value]) => [name, String(value).toWellFormed()])
      return {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      }
    }
    case 'text':
      return { headers: { 'content-type': 'text/plain' }, body: JSON.stringify(body) }
    case 'none':
      return {}
  }
}

/** Of a stream, that it began. */
async function answerOf(response: Response): Promise<Answer> {
  const type = response.headers.get('content-type') ?? ''
  const { status, headers } = response
  if (type.startsWith('text/event-stream')) {
    await response.body?.cancel()
    return { status, headers, text: '', json: undefined }
  }
  const text = await response.text()
  return { status, headers, text, json: text !== '' && /\bjson\b/.test(type) ? JSON.parse(text) : undefined }
}
