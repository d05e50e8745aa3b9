import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { deleteSomeRows } from '../../src/db/deleted-chats.js'
import { deleteExpired } from '../../src/db/expiry.js'
import { tokenKey } from '../../src/keys.js'
import { assertProblem } from '../input/answers.js'
import { withClockStopped } from '../support/clock.js'
import type { Answer } from '../support/exchange.js'
import { guest } from '../support/guests.js'
import { openSite, type Site } from '../support/site.js'
import { openEvents } from '../support/streams.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('bots', () => {
  let site: Site
  let count = 0
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  /** A chat with a bot, by its owner, and another member. */
  async function botOf(name = `deploy ${++count}`) {
    const owner = await signUpProgram(site, `owner${++count}`)
    const member = await signUpProgram(site, `member${++count}`)
    const uri = await owner.startChat()
    await member.join(uri)
    const made = await owner.call('POST', `/api/chats/${uri}/bots/`, { name })
    assert.equal(made.status, 201, made.text)
    const { id, auth_token, hook_url } = made.json
    return {
      owner,
      member,
      uri,
      name,
      id,
      made: made.json,
      bot: new Program(site, auth_token),
      hook: hook_url as string,
    }
  }

  /** What curl sends, unless `type` says otherwise. */
  async function send(hook: string, body: BodyInit, type = 'application/x-www-form-urlencoded', headers = {}) {
    const answer = await fetch(hook, { method: 'POST', body, headers: { 'content-type': type, ...headers } })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: text && JSON.parse(text) } as Answer
  }

  const last = async (program: Program, uri: string) =>
    (await program.call('GET', `/api/chats/${uri}/messages/`)).json.messages.at(-1)

  it('are members of their chat, marked on pages, in lists and in JSON', async () => {
    const { owner, member, uri, name, id, made, bot } = await botOf()
    assert.deepEqual(Object.keys(made).sort(), ['auth_token', 'hook_url', 'id', 'kind', 'name'])
    assert.equal(made.kind, 'bot')
    const posted = await bot.post(uri, 'built and tested')
    assert.equal(posted.status, 201)
    assert.equal(posted.json.user.kind, 'bot')
    const { members } = (await member.call('GET', `/api/chats/${uri}/members/`)).json
    assert.deepEqual(
      members.map(({ kind }: { kind: string }) => kind),
      ['account', 'account', 'bot'],
    )
    const { messages } = (await member.call('GET', `/api/chats/${uri}/messages/?after=0`)).json
    assert.deepEqual(
      messages
        .filter(({ user }: { user: { id: number } }) => user.id === id)
        .map((one: { event: string; user: { kind: string } }) => [one.event, one.user.kind]),
      [
        ['joined', 'bot'],
        ['message', 'bot'],
      ],
    )
    const found = (await member.call('GET', `/api/chats/${uri}/search/?q=tested`)).json.messages
    assert.equal(found[0].user.kind, 'bot')
    const { items } = (await owner.call('GET', `/api/chats/${uri}/bots/`)).json
    assert.deepEqual([items.length, items[0].id, items[0].name, items[0].kind], [1, id, name, 'bot'])

    const visitor = await new Visitor(site).signUp(`reader${++count}`)
    await visitor.get(`/chats/${uri}`)
    const page = (await visitor.get(`/chats/${uri}`)).text
    const marked = `<bdi[^>]*>${name}</bdi>[^<]*<span class="guest">bot</span>`
    assert.match(page, new RegExp(`message__who">${marked}`))
    assert.match(page, new RegExp(`class="aside"[^>]*>${marked} joined`))
    assert.match((await visitor.get(`/chats/${uri}/members`)).text, new RegExp(marked))
    assert.match((await visitor.get(`/chats/${uri}/search?q=tested`)).text, new RegExp(`${name}</bdi> \\(bot\\)`))
    assert.match((await visitor.get('/')).text, new RegExp(`${name}</bdi> \\(bot\\):`))
    const answer = await member.call('POST', `/api/chats/${uri}/messages/`, {
      message: 'good',
      reply_to: posted.json.id,
    })
    assert.equal(answer.status, 201)
    assert.equal((await last(member, uri)).reply_to.user.kind, 'bot')
    assert.match((await visitor.get(`/chats/${uri}`)).text, new RegExp(`quote__author">${name}</bdi></a> \\(bot\\)`))
    const permalink = await visitor.get(`/chats/${uri}/messages/${posted.json.id}`)
    assert.match(permalink.text, new RegExp(`A message by <bdi>${name}</bdi> <span class="guest">bot</span>`))
  })

  it('read and post in their chat alone, by their token', async () => {
    const { uri, bot, owner, member } = await botOf()
    const other = await owner.startChat()
    const stream = await openEvents(site, `/api/chats/${uri}/live/?after=0`, bot)
    await member.post(uri, 'hello, bot')
    await stream.first(({ event }) => event === 'message')
    assert.equal((await bot.call('GET', `/api/chats/${uri}/messages/`)).status, 200)
    for (const [method, path] of [
      ['GET', `/api/chats/${other}/messages/`],
      ['PATCH', `/api/chats/${other}/`],
      ['POST', '/api/chats/'],
      ['GET', '/api/account/'],
      ['DELETE', `/api/chats/${uri}/members/me/`],
      ['POST', '/api/account/tokens/'],
    ] as const) {
      const { status, json } = await bot.call(method, path, method === 'GET' ? undefined : {})
      assert.deepEqual([status, json.code], [403, 'insufficient_scope'], path)
    }
    stream.close()
  })

  it('are nobody’s heirs, and do not own the chat', async () => {
    const { uri, id, owner } = await botOf()
    const handed = await owner.call('PUT', `/api/chats/${uri}/owner/`, { user_id: id })
    assertProblem(handed, 422)
    const gus = await guest(site, 'Gus')
    const started = await gus.startChat()
    await gus.get(`/chats/${started}/settings`)
    assert.equal((await gus.post(`/chats/${started}/bots`, { name: 'helper' })).status, 200)
    await site.pool.query('delete from sessions where user_id = $1', [gus.id])
    await site.pool.query(
      `update chats set created_at = now() - interval '1 year', last_posted_at = now() - interval '1 year'
       where id = (select chat_id from links where uri = $1)`,
      [started],
    )
    await site.pool.query(
      `update members set joined_at = now() - interval '1 year', seen_at = null where chat_id = (select chat_id from links where uri = $1)`,
      [started],
    )
    await site.pool.query('update users set unsettled = true where id = $1', [gus.id])
    await deleteExpired(site.db)
    assert.equal((await site.pool.query('select 1 from links where uri = $1', [started])).rows.length, 0)
    assert.equal(
      (await site.pool.query(`select 1 from tokens t join users u on u.id = t.user_id where u.name = 'helper'`)).rows
        .length,
      0,
    )
  })

  it('end with their removal, from the list of bots or from that of members', async () => {
    for (const list of ['bots', 'members']) {
      const { uri, id, owner, bot, hook } = await botOf()
      const stream = await openEvents(site, `/api/chats/${uri}/live/?after=0`, bot)
      assert.equal((await owner.call('DELETE', `/api/chats/${uri}/${list}/${id}/`)).status, 204)
      await stream.over()
      assert.equal((await bot.post(uri, 'still here')).status, 401)
      assertProblem(await send(hook, 'still here'), 404)
      assert.deepEqual((await owner.call('GET', `/api/chats/${uri}/bots/`)).json, { items: [], next: null, prev: null })
      assertProblem(await owner.call('DELETE', `/api/chats/${uri}/bots/${id}/`), 404)
      assert.equal((await last(owner, uri))?.user.id, undefined)
    }
  })

  it('go with their chat, whatever they did there', async () => {
    const { uri, id, owner, bot, hook } = await botOf()
    const { id: said } = (await bot.post(uri, 'here I am')).json
    await bot.call('PUT', `/api/chats/${uri}/messages/${said}/reactions/${encodeURIComponent('👍')}/`)
    await owner.post(uri, `@${(await last(owner, uri)).user.name} thanks`)
    assert.equal((await owner.call('DELETE', `/api/chats/${uri}/members/${id}/`, { ban: true })).status, 204)
    await owner.call('PATCH', `/api/chats/${uri}/settings/`, { title: 'Over' })
    assert.equal((await owner.call('DELETE', `/api/chats/${uri}/`, { name: 'Over' })).status, 204)
    assertProblem(await send(hook, 'still here'), 404)
    while (await deleteSomeRows(site.db, 100)) {
      // It deletes some rows each time.
    }
    assert.equal((await site.pool.query('select 1 from users where id = $1', [id])).rows.length, 0)
  })

  it('get another token, which ends the one of before', async () => {
    const { uri, id, owner, bot } = await botOf()
    const { json } = await owner.call('PUT', `/api/chats/${uri}/bots/${id}/token/`)
    assert.deepEqual(Object.keys(json), ['auth_token'])
    assert.equal((await bot.post(uri, 'by the old one')).status, 401)
    assert.equal((await new Program(site, json.auth_token).post(uri, 'by the new one')).status, 201)
  })

  it('are refused with a sentence: their names, too many of them, and those who do not own the chat', async () => {
    const { uri, id, owner, member, name } = await botOf()
    const make = (fields: unknown, by = owner) => by.call('POST', `/api/chats/${uri}/bots/`, fields)
    for (const [fields, code, field] of [
      [{}, 'invalid_input', 'name'],
      [{ name: ' ' }, 'invalid_input', 'name'],
      [{ name: ['x'] }, 'invalid_input', 'name'],
      [{ name: 'x'.repeat(51) }, 'invalid_input', 'name'],
      [{ name: 'admin' }, 'invalid_input', 'name'],
      [{ name }, 'name_taken', 'name'],
      [{ name: name.replace('l', 'I') }, 'name_alike', 'name'],
      [{ name: 'fine', nam: 'x' }, 'unknown_field', 'nam'],
    ] as const) {
      const refused = await make(fields)
      assertProblem(refused, 422)
      assert.deepEqual([refused.json.code, Object.keys(refused.json.errors)], [code, [field]], JSON.stringify(fields))
    }
    const absent = await signUpProgram(site, `absent${++count}`)
    assert.equal((await make({ name: `absent${count}` })).json.code, 'name_taken')
    for (const [by, status] of [
      [member, 403],
      [absent, 404],
      [new Program(site), 401],
    ] as const) {
      assertProblem(await make({ name: 'mine' }, by), status)
      assertProblem(await by.call('PUT', `/api/chats/${uri}/bots/${id}/hook/`), status)
    }
    for (let n = 1; n < 20; n++) {
      assert.equal((await make({ name: `number ${n}` })).status, 201)
    }
    const full = await make({ name: 'number 20' })
    assert.deepEqual([full.status, full.json.code], [409, 'too_many_bots'])
    const { rows } = await site.pool.query(`select count(*)::int as n from users where name = 'number 20'`)
    assert.equal(rows[0].n, 0)
  })

  describe('on the settings’ page', () => {
    it('are made, shown with their keys this once, and get others; a form of another site does nothing', async () => {
      const ann = await new Visitor(site).signUp(`ann${++count}`)
      const uri = await ann.startChat()
      const settings = `/chats/${uri}/settings`
      assert.match((await ann.get(settings)).text, /The server itself calls no other sites/)
      const made = await ann.post(`/chats/${uri}/bots`, { name: 'page bot' })
      assert.equal(made.status, 200)
      const hook = /id="made-hook"[^>]*value="([^"]+)"/.exec(made.text)?.[1] ?? ''
      const token = /id="made-token"[^>]*value="([^"]+)"/.exec(made.text)?.[1] ?? ''
      assert.equal((await send(hook, 'by the page')).status, 201)
      assert.equal((await new Program(site, token).post(uri, 'by the page')).status, 201)
      const { text } = await ann.get(settings)
      assert.ok(!text.includes(token) && !text.includes(hook))
      assert.match(text, /<bdi>page bot<\/bdi> <span class="guest">bot<\/span>/)
      assert.match(text, /Its hook is of [\s\S]*last used/)
      const [, id] = /\/bots\/(\d+)\/removal/.exec(text) ?? []
      assert.equal((await ann.post(`/chats/${uri}/bots/${id}/hook`, { csrf: 'x' })).status, 403)
      const again = await ann.post(`/chats/${uri}/bots/${id}/hook`)
      const other = /id="made-hook"[^>]*value="([^"]+)"/.exec(again.text)?.[1] ?? ''
      assertProblem(await send(hook, 'by the old one'), 404)
      assert.equal((await send(other, 'by the new one')).status, 201)
      assert.equal((await ann.post(`/chats/${uri}/bots/${id}/hook/removal`)).status, 303)
      assertProblem(await send(other, 'by no one'), 404)
      assert.match((await ann.get(settings)).text, /It has no hook/)
      assert.equal((await ann.post(`/chats/${uri}/bots/${id}/removal`)).status, 303)
      assert.doesNotMatch((await ann.get(settings)).text, /page bot/)
    })

    it('come back with the name and the reason, and htmx gets the same page', async () => {
      const ann = await new Visitor(site).signUp(`ann${++count}`)
      const uri = await ann.startChat()
      const refused = await ann.post(`/chats/${uri}/bots`, { name: 'admin' })
      assert.equal(refused.status, 422)
      assert.match(refused.text, /id="bot-name"[^>]*value="admin"[^>]*aria-invalid/)
      assert.doesNotMatch(refused.text, /id="name"[^>]*aria-invalid/)
      assert.equal((await ann.htmx('POST', `/chats/${uri}/bots`, { name: 'admin' })).status, 422)
      assert.match((await ann.htmx('POST', `/chats/${uri}/bots`, { name: 'by htmx' })).text, /id="made-hook"/)
    })
  })

  describe('by an incoming hook', () => {
    it('post what curl sends, a text, a form or JSON, and no answer names the chat', async () => {
      const { hook, uri, member, id } = await botOf()
      assert.match(hook, /^http.*\/hooks\/chatire_[\w-]{50}$/)
      for (const [body, type, message] of [
        ['deploy done', undefined, 'deploy done'],
        ['100 % & more = fine + 1', undefined, '100 % & more = fine + 1'],
        ['naïve 日本', 'text/plain; charset=utf-8', 'naïve 日本'],
        ['message=is+written+here', 'text/plain', 'message=is+written+here'],
        ['message=a+form%21&key=k1', undefined, 'a form!'],
        ['{"message":"by JSON"}', 'application/json', 'by JSON'],
        ['two\r\nlines', 'text/plain', 'two\nlines'],
      ] as const) {
        const posted = await send(hook, body, type)
        assert.equal(posted.status, 201, posted.text)
        assert.deepEqual([posted.json.message, posted.json.user.id, posted.json.user.kind], [message, id, 'bot'])
        assert.ok(!posted.text.includes(uri))
        assert.equal((await last(member, uri)).message, message)
      }
      const form = new FormData()
      form.set('message', 'by a form of many parts')
      assert.equal((await fetch(hook, { method: 'POST', body: form })).status, 201)
      assert.equal((await fetch(`${hook}/`, { method: 'POST', body: 'a Blob' })).status, 201)
    })

    it('post once by a key', async () => {
      const { hook, uri, member } = await botOf()
      const key = { 'idempotency-key': 'build 7' }
      const first = await send(hook, 'once', 'text/plain', key)
      const again = await send(hook, 'once', 'text/plain', key)
      assert.deepEqual([first.status, again.status, again.json.id], [201, 200, first.json.id])
      assert.equal((await send(hook, 'another', 'text/plain', key)).json.code, 'key_conflict')
      assert.equal((await send(hook, '{"message":"once","key":"build 7"}', 'application/json')).status, 200)
      assert.equal((await last(member, uri)).message, 'once')
    })

    it('say clearly what is wrong', async () => {
      const { hook, uri, owner } = await botOf()
      for (const [body, type, status, code] of [
        ['', undefined, 422, 'invalid_input'],
        [' \n', 'text/plain', 422, 'invalid_input'],
        ['x'.repeat(2001), 'text/plain', 422, 'invalid_input'],
        ['x'.repeat(70_000), 'text/plain', 413, 'body_too_long'],
        [Buffer.from([0x66, 0xff, 0x66]), 'text/plain', 400, 'not_utf8'],
        [Buffer.from([0x66, 0xff, 0x66]), undefined, 400, 'not_utf8'],
        ['nul\0', 'text/plain', 422, 'invalid_input'],
        ['{"message":', 'application/json', 400, 'malformed_body'],
        ['{"mesage":"x"}', 'application/json', 422, 'unknown_field'],
        ['{"message":"x","reply_to":1}', 'application/json', 422, 'unknown_field'],
        ['{"message":["x"]}', 'application/json', 422, 'invalid_input'],
        ['<x/>', 'application/xml', 415, 'unsupported_media_type'],
      ] as const) {
        const refused = await send(hook, body as BodyInit, type)
        assertProblem(refused, status)
        assert.equal(refused.json.code, code, `${type} ${String(body).slice(0, 30)}`)
      }
      assert.equal((await fetch(hook)).status, 405)
      await owner.call('PATCH', `/api/chats/${uri}/settings/`, { read_only: true })
      assert.deepEqual([(await send(hook, 'hello')).status, (await send(hook, 'hello')).json.code], [403, 'read_only'])
    })

    it('know no other key, and tell the key of a token from that of a hook', async () => {
      const { hook, bot } = await botOf()
      for (const key of [tokenKey(), 'x', `${hook.split('/').at(-1)}x`, bot.token, '%00', 'é', 'x'.repeat(500)]) {
        const refused = await send(`${site.url}/hooks/${key}`, 'hello')
        assertProblem(refused, 404)
        assert.equal(refused.json.code, 'not_found')
      }
      const byKey = new Program(site, hook.split('/').at(-1))
      assert.equal((await byKey.call('GET', '/api/account/')).status, 401)
    })

    it('need no cookie and no token of a form, and heed neither', async () => {
      const { hook, id, uri } = await botOf()
      const ann = await new Visitor(site).signUp(`ann${++count}`)
      await ann.get(`/chats/${uri}`)
      const path = hook.slice(site.url.length)
      const posted = await ann.send('POST', path, 'from a browser', {
        'content-type': 'text/plain',
        accept: 'text/html,*/*',
        origin: 'https://elsewhere.example',
        'sec-fetch-site': 'cross-site',
        authorization: 'Token stale',
      })
      assert.equal(posted.status, 201, posted.text)
      assert.equal(posted.json.user.id, id)
      assert.equal(posted.headers.getSetCookie().length, 0)
    })

    it('leave their key in no line of the log, no problem and no other answer', async () => {
      const { hook } = await botOf()
      const key = hook.split('/').at(-1) ?? ''
      const answers = [
        await send(hook, 'hello'),
        await send(hook, ''),
        await send(hook, '<x/>', 'application/xml'),
        await send(`${hook}/more`, 'hello'),
        await send(`${hook}?nonsense=1`, 'hello'),
        await send(`${hook}x`, 'hello'),
        await send(hook, 'x'.repeat(70_000)),
      ]
      for (const { text, headers } of answers) {
        assert.ok(!text.includes(key), text)
        assert.ok(!JSON.stringify([...headers]).includes(key))
        assert.equal(headers.get('referrer-policy'), 'no-referrer')
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.match(headers.get('cache-control') ?? '', /no-store/)
      }
      for (const accept of ['text/html', '*/*', 'application/json']) {
        assert.ok(!(await (await fetch(hook, { headers: { accept } })).text()).includes(key))
      }
      assert.ok(site.log.some(line => line.includes('/hooks/:key')))
      assert.ok(!site.log.join('').includes(key))
    })

    it('are limited like all who post', async () => {
      const { hook } = await botOf()
      const limited = await openSite({ LIMITS: 'on' }, site)
      const path = hook.slice(site.url.length)
      const answers = await withClockStopped(() =>
        Promise.all(Array.from({ length: LIMITS.posts.burst + 2 }, (_, n) => send(limited.url + path, `number ${n}`))),
      )
      const over = answers.find(({ status }) => status === 429)
      assert.ok(over)
      assert.equal(over.json.code, 'rate_limited')
      assert.ok(Number(over.headers.get('retry-after')) > 0)
      await limited.close()
    })
  })
})
