import assert from 'node:assert/strict'
import { request } from 'node:http'
import { eventsAfter } from '../../src/db/events.js'
import { exportLine } from '../../src/http/export-answers.js'
import { exportChat } from '../../src/http/exporting.js'
import { keyHash } from '../../src/keys.js'
import type { Answer } from '../support/exchange.js'
import { removeMember } from '../support/removal.js'
import { until } from '../support/server.js'
import { openSite, type Site } from '../support/site.js'
import { fillChat } from '../support/streams.js'
import { type Program, signUpProgram } from '../support/visitor.js'

/** Of 3,000 such messages an export does not fit into the buffers of its connection. */
const LARGE = 'x'.repeat(1500)

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
type Line = any

describe('exports', () => {
  let site: Site
  let ann: Program
  let bob: Program
  let count = 0
  before(async () => {
    site = await openSite({ LIMITS: 'on' })
  })
  after(() => site.close())
  // Each test has users of its own, as exports are limited.
  beforeEach(async () => {
    ann = await signUpProgram(site, `ann${++count}`)
    bob = await signUpProgram(site, `bob${count}`)
  })

  async function chat(title = 'Release party') {
    const uri: string = (await ann.call('POST', '/api/chats/', { title })).json.uri
    await bob.join(uri)
    return uri
  }

  const take = (program: Program, uri: string, format: string, query = '') =>
    program.call('GET', `/api/chats/${uri}/exports/${format}/${query}`)

  const linesOf = ({ text }: Answer): Line[] =>
    text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))

  it('say in which formats, and up to which version', async () => {
    const uri = await chat()
    const { status, json } = await bob.call('GET', `/api/chats/${uri}/exports/`)
    assert.equal(status, 200)
    assert.equal(json.version, 2)
    assert.deepEqual(
      json.items.map(({ format }: Line) => format),
      ['html', 'txt', 'csv', 'ndjson', 'json'],
    )
    for (const { url } of json.items) {
      assert.equal((await bob.call('GET', new URL(url).pathname)).status, 200, url)
    }
    assert.equal((await take(bob, uri, 'xml')).status, 404)
  })

  describe('as NDJSON', () => {
    it('have every event, as it is now, and an end', async () => {
      const uri = await chat()
      const { id } = (await ann.post(uri, 'hello')).json
      await bob.call('POST', `/api/chats/${uri}/messages/`, { message: 'hi', reply_to: id })
      await ann.call('PATCH', `/api/chats/${uri}/messages/${id}/`, { message: 'hello, mended' })
      const gone = (await ann.post(uri, 'a secret')).json.id
      await ann.call('DELETE', `/api/chats/${uri}/messages/${gone}/`)
      const answer = await take(bob, uri, 'ndjson')
      assert.equal(answer.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
      assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="chat-[\d-]+\.ndjson"$/)
      const [head, ...lines] = linesOf(answer)
      for (const line of [head, ...lines]) {
        assert.ok(exportLine.safeParse(line).success, JSON.stringify(line))
      }
      assert.deepEqual(
        { event: head.event, format: head.format, title: head.title, after: head.after, version: head.version },
        { event: 'export', format: 1, title: 'Release party', after: 0, version: 7 },
      )
      assert.deepEqual(
        lines.map(({ event, version }) => [event, version]),
        [
          ['joined', 1],
          ['joined', 2],
          ['message', 3],
          ['message', 4],
          ['edited', 5],
          ['message', 6],
          ['deleted', 7],
          ['end', 7],
        ],
      )
      const [, , message, reply, , deleted] = lines
      assert.equal(message.message, 'hello, mended')
      assert.deepEqual(Object.keys(message.user), ['id', 'username', 'name', 'guest', 'kind'])
      assert.equal(reply.reply_to.id, id)
      assert.equal(deleted.message, '')
      assert.ok(deleted.deleted_at)
      assert.deepEqual(lines.at(-1), { event: 'end', version: 7, events: 7, changed: 0 })
      assert.doesNotMatch(answer.text, new RegExp(`a secret|"hello"|${uri}`))
    })

    it('say what was changed meanwhile, and have nothing that came meanwhile', async () => {
      const uri = await chat()
      await fillChat(site, uri, 450, 'hello')
      const { pieces, version } = await exportOf(uri)
      const lines: Line[] = []
      for await (const piece of pieces) {
        lines.push(
          ...piece
            .split('\n')
            .filter(Boolean)
            .map(line => JSON.parse(line)),
        )
        if (lines.length === 201) {
          // The first piece was read.
          await ann.call('PATCH', `/api/chats/${uri}/settings/`, { title: 'Later' })
          const later = (await ann.post(uri, 'came later')).json.id
          await ann.call('DELETE', `/api/chats/${uri}/messages/${later}/`)
          await ann.call('DELETE', `/api/chats/${uri}/messages/3/`)
          await ann.call('PATCH', `/api/chats/${uri}/messages/400/`, { message: 'mended' })
        }
      }
      assert.deepEqual(lines.at(-1), { event: 'end', version, events: version, changed: 2 })
      const message = (id: number, kind: string) => lines.find(one => one.id === id && one.event === kind).message
      assert.equal(message(3, 'message'), '0 hello')
      assert.equal(message(3, 'changed'), '')
      // It was changed before it was read.
      assert.equal(message(400, 'message'), 'mended')
      assert.equal(message(400, 'changed'), 'mended')
      assert.ok(!lines.some(({ message }) => message === 'came later' || message === 'Later'))
    })

    it('go on where they stopped', async () => {
      const uri = await chat()
      await fillChat(site, uri, 500, 'hello')
      const whole = linesOf(await take(ann, uri, 'ndjson'))
      const { version } = whole[0]
      const first = linesOf(await take(ann, uri, 'ndjson', '?until=230'))
      const rest = linesOf(await take(ann, uri, 'ndjson', `?after=230&until=${version}`))
      assert.deepEqual([...first.slice(1, -1), ...rest.slice(1, -1)], whole.slice(1, -1))
      assert.deepEqual([rest[0].after, rest[0].version], [230, version])
      const none = linesOf(await take(ann, uri, 'ndjson', `?after=${version}`))
      assert.deepEqual(none.at(-1), { event: 'end', version, events: 0, changed: 0 })
    })

    const WAYS: Record<string, (uri: string, name: string) => Promise<unknown>> = {
      removed: (uri, name) => removeMember(site, uri, name),
      left: uri => bob.call('DELETE', `/api/chats/${uri}/members/me/`),
      deleted: uri => ann.call('DELETE', `/api/chats/${uri}/`, { name: 'Release party' }),
      signed_out: () => bob.call('POST', '/auth/token/destroy/'),
    }

    it('end before the next piece with the reason, for whoever is no member any more', async () => {
      for (const reason of ['removed', 'left', 'deleted']) {
        bob = await signUpProgram(site, `${reason}${count}`)
        const uri = await chat()
        await fillChat(site, uri, 450, 'hello')
        const { pieces } = await exportOf(uri, bob)
        await pieces.next()
        await pieces.next()
        await WAYS[reason]?.(uri, `${reason}${count}`)
        assert.deepEqual(JSON.parse((await pieces.next()).value), { event: 'gone', reason })
        assert.equal((await pieces.next()).done, true)
      }
    })

    it('end with the reason while they are being sent @long', async () => {
      for (const [reason, go] of Object.entries(WAYS)) {
        bob = await signUpProgram(site, `${reason}${count}`)
        const uri = await chat()
        await fillChat(site, uri, 3000, LARGE)
        const reader = await openPaused(bob, uri)
        await reader.began
        await go(uri, `${reason}${count}`)
        const lines = (await reader.rest())
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line))
        assert.deepEqual(lines.at(-1), { event: 'gone', reason })
        assert.ok(lines.length < 3000, `${lines.length}`)
      }
    })
  })

  it('as JSON are one document', async () => {
    const uri = await chat()
    await ann.post(uri, 'hello')
    const { json } = await take(bob, uri, 'json')
    assert.equal(json.title, 'Release party')
    assert.equal(json.end, 3)
    assert.deepEqual(
      json.events.map(({ event, message }: Line) => [event, message]),
      [
        ['joined', null],
        ['joined', null],
        ['message', 'hello'],
      ],
    )
  })

  it('as text are a transcript', async () => {
    const uri = await chat()
    await ann.post(uri, 'hello\nthere')
    const { text } = await take(bob, uri, 'txt')
    const name = `ann${count}`
    assert.equal(
      text.replace(/^\d\d:\d\d/gm, '16:04').replace(/— .* —/, '— today —'),
      `Release party\nAll times are in UTC.\n\n— today —\n\n16:04 * ${name} joined\n16:04 * bob${count} joined\n16:04 ${name}: hello\n      there\n`,
    )
    assert.match((await take(bob, uri, 'txt', '?after=2')).text, /^\n— .* —\n\n\d\d:\d\d ann/)
  })

  it('as CSV are rows of RFC 4180, and no cell is a formula', async () => {
    const uri = await chat('=1+1')
    const texts = [
      '=HYPERLINK("http://evil.example","x")',
      '+1',
      '-1',
      '@SUM(1)',
      '\u200b=1',
      '＝1+1',
      'a "quoted", word\nand a line',
      '- a list\n- of two',
      'plain',
    ]
    for (const text of texts) {
      await ann.post(uri, text)
    }
    const { text, headers } = await take(bob, uri, 'csv')
    assert.equal(headers.get('content-type'), 'text/csv; charset=utf-8')
    const [header, ...rows] = parseCsv(text)
    assert.deepEqual(header?.slice(0, 4), ['id', 'version', 'event', 'created_at'])
    assert.ok(rows.every(row => row.length === header?.length))
    const column = header?.indexOf('message') ?? 0
    const messages = rows.filter(row => row[2] === 'message').map(row => row[column] ?? '')
    assert.equal(messages.length, texts.length)
    for (const [n, written] of messages.entries()) {
      const typed = texts[n] ?? ''
      assert.ok(written === typed || written === `'${typed}`, written)
      assert.equal(/^[\s\u200b]*[=+\-@＝＋－＠]/.test(written), false, written)
    }
    assert.ok(messages.includes('plain'))
    const more = parseCsv((await take(bob, uri, 'csv', '?after=3')).text)
    assert.deepEqual(more, rows.slice(3))
  })

  it('as HTML are one page that loads and runs nothing', async () => {
    const uri = await chat('<script>alert(1)</script>')
    const { id } = (await ann.post(uri, '**bold** <img src=x onerror=alert(1)> https://example.org/')).json
    await bob.call('POST', `/api/chats/${uri}/messages/`, { message: 'an answer', reply_to: id })
    const { text } = await take(bob, uri, 'html')
    assert.match(text, /^<!doctype html>\n<html lang="en">/)
    assert.match(text, /<\/html>\n$/)
    assert.match(text, /default-src 'none'/)
    assert.match(text, /<strong>bold<\/strong>/)
    assert.match(text, new RegExp(`<a href="#m${id}">`))
    assert.doesNotMatch(text, /<(script|img|link|iframe)|<[^>]* (src|on\w+)=/)
  })

  it('as JSON or HTML are whole', async () => {
    const uri = await chat()
    for (const format of ['json', 'html']) {
      const { status, json } = await take(bob, uri, format, '?after=1')
      assert.equal(status, 422)
      assert.match(json.errors.after[0], /always whole/)
    }
  })

  it('refuse versions that the chat does not have', async () => {
    const uri = await chat()
    for (const query of ['?after=99', '?until=99']) {
      const { status, json } = await take(bob, uri, 'ndjson', query)
      assert.deepEqual([status, json.code, json.version], [410, 'cursor_ahead', 2])
    }
    assert.equal((await take(bob, uri, 'ndjson', '?untill=1')).json.code, 'unknown_field')
    assert.equal((await take(bob, uri, 'ndjson', '?until=x')).json.field_codes.until[0], 'wrong_type')
  })

  it('run two at once for a user, and are shown as they come on @long', async () => {
    const uri = await chat()
    await fillChat(site, uri, 3000, LARGE)
    const readers = [await openPaused(ann, uri), await openPaused(ann, uri)]
    await Promise.all(readers.map(({ began }) => began))
    const refused = await take(ann, uri, 'ndjson')
    assert.deepEqual([refused.status, refused.json.code], [503, 'too_many_exports'])
    assert.ok(refused.headers.get('retry-after'))
    const running = async () => (await ann.call('GET', `/api/chats/${uri}/exports/`)).json.running
    const [one] = await running()
    assert.equal(one.format, 'ndjson')
    assert.ok(one.version < one.until)
    assert.deepEqual((await bob.call('GET', `/api/chats/${uri}/exports/`)).json.running, [])
    await readers[0]?.rest()
    readers[1]?.cut()
    await until(async () => (await running()).length === 0)
    assert.equal((await take(ann, uri, 'ndjson')).status, 200)
  })

  it('hold no transaction and no connection for a reader who does not read @long', async () => {
    const uri = await chat()
    await fillChat(site, uri, 3000, LARGE)
    const reader = await openPaused(ann, uri)
    await reader.began
    await until(async () => {
      const { rows } = await site.pool.query(
        `select count(*)::int as n from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`,
      )
      return rows[0].n === 0
    })
    reader.cut()
  })

  it('take the head alone, where that is asked for', async () => {
    const uri = await chat()
    for (let n = 0; n < 4; n++) {
      const answer = await bob.call('HEAD', `/api/chats/${uri}/exports/ndjson/`)
      assert.deepEqual([answer.status, answer.text], [200, ''])
    }
  })

  it('say all that the database has', async () => {
    const uri = await chat()
    await fillChat(site, uri, 450, 'hello')
    const { rows } = await site.pool.query('select chat_id from links where uri = $1', [uri])
    const events = await eventsAfter(site.db, Number(rows[0].chat_id), 0, 10_000)
    const lines = linesOf(await take(ann, uri, 'ndjson')).slice(1, -1)
    assert.deepEqual(
      lines.map(({ version, message, created_at }) => [version, message, created_at]),
      events.map(({ version, text, created_at }) => [version, text, created_at.toISOString()]),
    )
  })

  /** An export of a member's, to be taken piece by piece without HTTP. */
  async function exportOf(uri: string, { token }: Program = ann) {
    const { rows } = await site.pool.query(
      `select l.chat_id::int, c.version::int, t.user_id::int from links l join chats c on c.id = l.chat_id, tokens t
      where l.uri = $1 and t.key_hash = $2`,
      [uri, keyHash(token ?? '')],
    )
    const [{ chat_id, version, user_id }] = rows
    const owner = { id: 1, username: 'ann', name: 'ann' }
    const exported = { title: null, name: 'Party', owner, created_at: new Date(), after: 0, until: version }
    return { version, pieces: exportChat(site.db, { chat_id, user_id, format: 'ndjson', exported }) }
  }

  /** Opens an export and takes nothing of it after its first bytes, until `rest`. */
  async function openPaused(program: Program, uri: string) {
    const sent = request(`${site.url}/api/chats/${uri}/exports/ndjson/`, {
      headers: { authorization: `Token ${program.token}` },
      agent: false,
    })
    let text = ''
    let begin = () => {}
    const began = new Promise<void>(resolve => {
      begin = resolve
    })
    const over = new Promise<string>((resolve, reject) => {
      sent.on('response', response => {
        response.setEncoding('utf8')
        response.once('readable', () => {
          text += response.read(1000) ?? ''
          begin()
        })
        resume = () => {
          response.on('data', piece => {
            text += piece
          })
          response.on('end', () => resolve(text))
          response.on('error', reject)
        }
      })
      sent.on('error', reject)
    })
    let resume = () => {}
    over.catch(() => {})
    sent.end()
    return {
      began,
      rest() {
        resume()
        return over
      },
      cut: () => sent.destroy(),
    }
  }
})

/** By the letter of RFC 4180, and a byte order mark in front. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, bare = '', end] of text
    .replace(/^\ufeff/, '')
    .matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'))
    if (end === '\r\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}
