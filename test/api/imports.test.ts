import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { deleteExpired } from '../../src/db/expiry.js'
import { stored } from '../input/rows.js'
import type { Answer } from '../support/exchange.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
type Line = any

const NDJSON = 'application/x-ndjson'
const said = (n: number, more: object = {}) => ({
  id: 10 * n,
  user: { name: n % 2 ? 'Ann' : 'Zoë' },
  message: `message ${n}`,
  created_at: new Date(1_700_000_000_000 + 60_000 * n).toISOString(),
  ...more,
})

describe('imports', () => {
  let site: Site
  let ann: Program
  let count = 0
  before(async () => {
    site = await openSite()
    ann = await signUpProgram(site, 'ann')
  })
  after(() => site.close())

  async function send(body: string | Buffer | ReadableStream, headers: Record<string, string> = {}, query = '') {
    const response = await fetch(`${site.url}/api/imports/${query}`, {
      method: 'POST',
      headers: { authorization: `Token ${ann.token}`, 'content-type': NDJSON, ...headers },
      body: body as never,
      ...({ duplex: 'half' } as object),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: JSON.parse(text) } as Answer
  }

  const lines = (items: readonly object[]) => items.map(item => `${JSON.stringify(item)}\n`).join('')

  async function messagesOf(uri: string): Promise<Line[]> {
    const all: Line[] = []
    for (let after = 0, more = true; more; ) {
      const { json } = await ann.call('GET', `/api/chats/${uri}/messages/?after=${after}&limit=1000`)
      all.push(...json.messages.filter(({ event }: Line) => event === 'message'))
      after = json.version
      more = json.more
    }
    return all
  }

  const hiddenChats = async () =>
    (
      await site.pool.query(`select count(*)::int as n from chats c where c.deleted_at is null
      and not exists (select 1 from links l where l.chat_id = c.id)`)
    ).rows[0].n

  it('make a chat of its lines, with authors who are marked and cannot sign in', async () => {
    const made = await send(lines([said(1), said(2, { reply_to: { id: 10 } }), said(3)]), {}, '?title=Old%20times')
    assert.equal(made.status, 201, made.text)
    const { uri, messages } = made.json
    assert.equal(messages, 3)
    assert.ok(made.headers.get('location')?.endsWith(`/api/chats/${uri}/`))
    const chat = (await ann.call('GET', `/api/chats/${uri}/`)).json
    assert.deepEqual([chat.title, chat.owner.username, chat.version, chat.unread], ['Old times', 'ann', 4, 0])
    assert.deepEqual(
      chat.members.map(({ name }: Line) => name),
      ['ann'],
    )
    const [first, second] = await messagesOf(uri)
    assert.deepEqual([first.user.name, first.user.kind, first.created_at], ['Ann', 'imported', said(1).created_at])
    assert.equal(second.reply_to.id, first.id)
    const { rows } = await site.pool.query(
      `select kind, folded_username, password_hash from users where id = any($1)`,
      [[first.user.id, second.user.id]],
    )
    assert.deepEqual(rows, Array(2).fill({ kind: 'imported', folded_username: null, password_hash: null }))
    assert.equal(
      (
        await new Visitor(site).send(
          'POST',
          '/auth/token/create/',
          JSON.stringify({ username: 'Zoë', password: 'x' }),
          { 'content-type': 'application/json' },
        )
      ).status,
      400,
    )
    // The name is free for an account, and for who joins.
    const zoe = await signUpProgram(site, 'Zoë')
    assert.equal((await zoe.join(uri)).status, 200)
    assert.equal((await ann.call('GET', `/api/chats/${uri}/members/`)).json.members[1].name, 'Zoë')
    assert.match(
      (await (await new Visitor(site).signUp(`reader${++count}`)).get(`/chats/${uri}`)).text,
      /<span class="guest">imported<\/span>/,
    )
  })

  it('of exports give the same messages when they are exported again, in either format', async () => {
    const uri = (await ann.call('POST', '/api/chats/', { title: 'Round trip' })).json.uri
    const bob = await signUpProgram(site, 'bob')
    await bob.join(uri)
    const { id } = (await ann.post(uri, 'hello "you"\n- a list\n- 日本語 😀')).json
    await bob.call('POST', `/api/chats/${uri}/messages/`, { message: '{"not": ["json"]}', reply_to: id })
    await bob.call('PUT', `/api/chats/${uri}/messages/${id}/reactions/${encodeURIComponent('👍')}/`)
    await ann.call('PATCH', `/api/chats/${uri}/messages/${id}/`, { message: 'mended \\" {[' })
    const gone = (await ann.post(uri, 'secret')).json.id
    await ann.call('DELETE', `/api/chats/${uri}/messages/${gone}/`)
    await ann.call('PATCH', `/api/chats/${uri}/settings/`, { read_only: true })
    const shown = (list: Line[]) =>
      list.map(({ user, message, created_at, edited_at, deleted_at, reactions, reply_to }) => ({
        name: user.name,
        message,
        created_at,
        edited_at,
        deleted_at,
        reactions,
        reply: reply_to && [reply_to.user.name, reply_to.message],
      }))
    const exported = async (uri: string) =>
      (await ann.call('GET', `/api/chats/${uri}/exports/json/`)).json.events.filter(
        ({ event }: Line) => event === 'message',
      )
    const before = shown(await exported(uri))
    assert.equal(before.length, 3)
    for (const [format, type] of [
      ['ndjson', NDJSON],
      ['json', 'application/json'],
    ] as const) {
      const file = await ann.call('GET', `/api/chats/${uri}/exports/${format}/`)
      const again = await send(file.text, { 'content-type': type })
      assert.equal(again.status, 201, again.text)
      assert.deepEqual(shown(await exported(again.json.uri)), before)
      assert.equal((await ann.call('GET', `/api/chats/${again.json.uri}/`)).json.title, 'Round trip')
    }
  })

  it('take what was changed during the export', async () => {
    const changed = { ...said(1), event: 'changed', version: 99, message: 'mended', edited_at: said(5).created_at }
    const deleted = { ...said(2), event: 'changed', version: 100, message: '', deleted_at: said(6).created_at }
    const made = await send(lines([said(1), said(2), changed, deleted]))
    const [first, second] = await messagesOf(made.json.uri)
    assert.deepEqual([first.message, first.edited_at], ['mended', said(5).created_at])
    assert.deepEqual([second.message, second.deleted_at], ['', said(6).created_at])
  })

  it('say in which line a file is wrong, and leave nothing', async () => {
    const before = await stored(site)
    const future = new Date(Date.now() + 60_000).toISOString()
    const bad: [string, number, RegExp][] = [
      [`${lines([said(1)])}{"user": `, 2, /^Line 2: This is not valid JSON\.$/],
      [lines([said(1), said(2, { created_at: future })]), 2, /"created_at": This time is still to come/],
      [lines([said(1), said(2, { created_at: 'yesterday' })]), 2, /"created_at": This is no time/],
      [lines([said(1, { user: undefined })]), 1, /"user": An author is required/],
      [lines([said(1, { user: { name: '\u200b' } })]), 1, /"user.name": A name is required/],
      [lines([said(1), said(2, { message: 'x'.repeat(2001) })]), 2, /"message": .*2000 characters/],
      [lines([said(1, { message: ' ' })]), 1, /"message": .*blank/],
      [lines([said(2), said(1)]), 2, /"id": It must be greater/],
      [lines([said(1, { reactions: { x: 1 } })]), 1, /none of the reactions/],
      [lines([said(1), { event: 'explode' }]), 2, /"event" is none/],
      [lines([said(1), { event: 'gone', reason: 'removed' }]), 2, /not complete/],
      [lines([{ event: 'export', title: null }, said(1)]), 2, /its end is missing/],
      [`${lines([said(1)])}"${'x'.repeat(70_000)}`, 2, /longer than 64 KiB/],
      ['[]\n', 1, /An object with fields/],
      ['\n\n', 1, /no message/],
      ['', 1, /no message/],
    ]
    for (const [text, line, sentence] of bad) {
      const refused = await send(text)
      assert.deepEqual([refused.status, refused.json.code, refused.json.line], [422, 'bad_file', line], refused.text)
      assert.match(refused.json.detail, sentence)
    }
    const notUtf8 = await send(Buffer.concat([Buffer.from(lines([said(1)])), Buffer.from([0xff, 0x0a])]))
    assert.match(notUtf8.json.detail, /^Line 1: The text is not valid UTF-8/)
    const documents: [string, RegExp][] = [
      ['{"events": [{"user"', /ends too early/],
      ['{"events": [}', /closes that was not opened/],
      ['['.repeat(200), /nested too deep/],
      ['{"events": []}', /no message/],
      ['17', /no message/],
      [`{"event":"export","events":[${JSON.stringify(said(1))}],"gone":"left"}`, /not complete/],
      [`{"event":"export","events":[${JSON.stringify(said(1))}]}`, /its end is missing/],
      [`{"events":[${JSON.stringify(said(1))}\n,{"message":1}]}`, /^Line 2: "user"/],
    ]
    for (const [text, sentence] of documents) {
      const refused = await send(text, { 'content-type': 'application/json' })
      assert.deepEqual([refused.status, refused.json.code], [422, 'bad_file'], `${text.slice(0, 50)} ${refused.text}`)
      assert.match(refused.json.detail, sentence)
    }
    assert.equal((await send('x', { 'content-type': 'text/csv' })).json.code, 'unsupported_media_type')
    assert.deepEqual(await stored(site), before)
  })

  it('are seen by nobody before they are whole, and go on where they were stopped', async () => {
    const key = { 'idempotency-key': 'half' }
    const items = Array.from({ length: 1300 }, (_, n) => said(n + 1))
    const cut = new AbortController()
    const text = lines(items)
    const half = Readable.toWeb(
      Readable.from(
        (async function* () {
          yield text.slice(0, text.length * 0.9)
          await until(async () => (await hiddenChats()) > 0 && (await storedLines()) >= 1000)
          cut.abort()
          yield 'x'
        })(),
      ),
    ) as ReadableStream
    const storedLines = async () =>
      (await site.pool.query(`select coalesce(max(lines), 0)::int as n from imports where key = 'half'`)).rows[0].n
    const chats = async () => (await ann.call('GET', '/api/chats/')).json.chats.length
    const before = await chats()
    await assert.rejects(
      fetch(`${site.url}/api/imports/`, {
        method: 'POST',
        headers: { authorization: `Token ${ann.token}`, 'content-type': NDJSON, ...key },
        body: half,
        signal: cut.signal,
        ...({ duplex: 'half' } as object),
      }),
    )
    assert.equal(await storedLines(), 1000)
    assert.equal(await chats(), before)
    assert.equal(
      (await ann.call('GET', '/api/search/?q=message')).json.messages.filter(
        (hit: Line) => hit.title === null && hit.message === 'message 999',
      ).length,
      0,
    )
    let other = await send(text.replace('message 7"', 'message 8"'), key)
    await until(async () => {
      other = other.json.code === 'too_many_imports' ? await send(text.replace('message 7"', 'message 8"'), key) : other
      return other.json.code !== 'too_many_imports'
    })
    assert.deepEqual([other.status, other.json.code], [422, 'other_file'])
    assert.equal((await send(lines(items.slice(0, 500)), key)).json.code, 'other_file')
    const made = await send(text, key)
    assert.deepEqual([made.status, made.json.messages], [201, 1300], made.text)
    assert.deepEqual(
      (await messagesOf(made.json.uri)).map(({ message }) => message),
      items.map(({ message }) => message),
    )
    const again = await send(text, key)
    assert.deepEqual([again.status, again.json.uri], [200, made.json.uri])
    assert.equal(await chats(), before + 1)
    assert.equal(await hiddenChats(), 0)
  })

  it('that nobody goes on with are deleted after a day, and their authors with them', async () => {
    const text = lines([...Array.from({ length: 600 }, (_, n) => said(n + 1)), { event: 'explode' }])
    const refused = await send(text, { 'idempotency-key': 'left behind' })
    assert.deepEqual([refused.json.code, refused.json.line], ['bad_file', 601])
    assert.equal(await hiddenChats(), 1)
    const users = async () =>
      (await site.pool.query(`select count(*)::int as n from users where kind = 'imported'`)).rows[0].n
    const before = await users()
    await deleteExpired(site.db)
    assert.equal(await hiddenChats(), 1)
    await sql`update imports set changed_at = now() - interval '25 hours' where key = 'left behind'`.execute(site.db)
    await deleteExpired(site.db)
    assert.equal(await hiddenChats(), 0)
    assert.equal(await users(), before - 2)
    assert.equal((await site.pool.query(`select 1 from imports where key = 'left behind'`)).rows.length, 0)
  })

  it('take a form with a file, its token first, and lead to the chat', async () => {
    const visitor = await new Visitor(site).signUp(`visitor${++count}`)
    const page = await visitor.get('/imports')
    assert.equal(page.status, 200)
    const [, key = ''] = /name="key" value="([^"]+)"/.exec(page.text) ?? []
    const form = (text: string, csrf = visitor.csrf, name = 'chat.ndjson') => {
      const data = new FormData()
      data.set('csrf', csrf)
      data.set('key', key)
      data.set('title', 'By a form')
      data.set('file', new Blob([text]), name)
      return visitor.send('POST', '/imports', data, { accept: 'text/html' })
    }
    assert.equal((await form(lines([said(1)]), 'forged')).status, 403)
    const wrong = await form(lines([said(1), { event: 'explode' }]))
    assert.equal(wrong.status, 422)
    assert.match(wrong.text, /Line 2: Its &quot;event&quot; is none/)
    assert.match(wrong.text, /value="By a form"/)
    const made = await form(lines(Array.from({ length: 1000 }, (_, n) => said(n + 1))))
    assert.equal(made.status, 303)
    assert.match((await visitor.get(made.headers.get('location') ?? '')).text, /By a form/)
    assert.equal((await form('x')).headers.get('location'), made.headers.get('location'))
    const document = await visitor.get('/imports')
    assert.notEqual(/name="key" value="([^"]+)"/.exec(document.text)?.[1], key)
  })

  it('may take longer than other requests, as long as something comes @long', async () => {
    const slow = Readable.toWeb(
      Readable.from(
        (async function* () {
          // Node looks every 5 s for requests that are older than 15 s.
          for (let n = 1; n <= 11; n++) {
            yield lines([said(n)])
            await wait(2000)
          }
        })(),
      ),
    ) as ReadableStream
    const made = await send(slow)
    assert.deepEqual([made.status, made.json.messages], [201, 11], made.text)
  })

  it('that were stopped are offered to go on with', async () => {
    const visitor = await new Visitor(site).signUp(`visitor${++count}`)
    const text = lines([...Array.from({ length: 600 }, (_, n) => said(n + 1)), { event: 'explode' }])
    await visitor.get('/imports')
    const data = new FormData()
    data.set('csrf', visitor.csrf)
    data.set('key', 'mine')
    data.set('file', new Blob([text]), 'chat.ndjson')
    await visitor.send('POST', '/imports', data, { accept: 'text/html' })
    const { text: offered } = await visitor.get('/imports')
    assert.match(offered, /was stopped when 500 lines were stored/)
    assert.match(offered, /name="key" value="mine"/)
    assert.doesNotMatch((await visitor.get('/imports?new')).text, /name="key" value="mine"/)
  })
})
