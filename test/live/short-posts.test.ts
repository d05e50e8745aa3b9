import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { createToken } from '../../src/db/tokens.js'
import { sessionCookie } from '../../src/http/sessions.js'
import { keyHash, randomKey } from '../../src/keys.js'
import { withClockStopped } from '../support/clock.js'
import { type Answer, exchange } from '../support/exchange.js'
import { randomNumbers } from '../support/random.js'
import { openSite, type Site } from '../support/site.js'
import { Program, signUpProgram, Visitor } from '../support/visitor.js'

/** A header that says nothing: the request is the same, and goes the long way. */
const LONG_WAY = { json: { origin: '' }, fragment: { authorization: '' } }

type Form = keyof typeof LONG_WAY

describe('the short ways of posts', () => {
  for (const env of [{}, { PUBLIC_URL: 'https://chat.example.org', TRUST_PROXY: '1', CORS_ORIGINS: '*' }]) {
    it(`do and answer as the long way does, whatever the request${'PUBLIC_URL' in env ? ', also behind a proxy @long' : ''}`, async () => {
      const site = await openSite(env)
      try {
        await compare(site)
      } finally {
        await site.close()
      }
    })
  }

  it('are taken by programs and pages whom memory knows, and leave out neither their lines in the log nor the sender’s presence', async () => {
    const site = await openSite()
    try {
      const { program, page, uri } = await chatOf(site)
      site.log.length = 0
      assert.equal((await program.post(uri, 'by a program')).status, 201)
      assert.equal((await page.htmx('POST', `/chats/${uri}/messages`, { message: 'by a page' })).status, 204)
      const lines = site.log.filter(line => line.includes('"short":true'))
      assert.equal(lines.length, 2)
      for (const line of lines) {
        assert.match(line, /"method":"POST","route":"\/chats\/:uri\/messages","status":20[14]/)
        assert.ok(!line.includes(uri))
      }
      await site.live.presence.tell()
      const { rows } = await site.pool.query("select from members where seen_at > now() - interval '1 minute'")
      assert.equal(rows.length, 2)
    } finally {
      await site.close()
    }
  })

  it('lead the long way where they fail, and post once then', async () => {
    const site = await openSite()
    try {
      const { program, page, uri } = await chatOf(site)
      const { live } = site
      const { posted } = live
      let failures = 0
      Object.assign(live, {
        posted(...told: Parameters<typeof posted>) {
          posted.apply(live, told)
          failures++
          throw new Error('a fault behind the statement')
        },
      })
      assert.equal((await program.post(uri, 'once')).status, 500)
      assert.equal((await page.htmx('POST', `/chats/${uri}/messages`, { message: 'once' })).status, 500)
      assert.equal(failures, 2)
      assert.equal(await countOf(site, 'once'), 2)
    } finally {
      await site.close()
    }
  })

  it('are closed to a token or a session that has ended, and to who has left', async () => {
    const site = await openSite()
    try {
      const { program, page, uri } = await chatOf(site)
      const say = () => page.htmx('POST', `/chats/${uri}/messages`, { message: 'no' })
      await page.post(`/chats/${uri}/members/me/departure`)
      assert.equal((await say()).status, 404)
      const cookie = page.cookies.get('sid') ?? ''
      await page.post('/logout')
      page.cookies.set('sid', cookie)
      assert.equal((await say()).status, 401)
      assert.equal((await program.call('POST', '/auth/token/logout/')).status, 204)
      assert.equal((await program.post(uri, 'no')).status, 401)
      assert.equal(await countOf(site, 'no'), 0)
    } finally {
      await site.close()
    }
  })

  it('are counted against the rate limit of posts, once each', async () => {
    const site = await openSite({ LIMITS: 'on' })
    try {
      const { program, uri } = await chatOf(site)
      await withClockStopped(async () => {
        // One was used before.
        for (let left = LIMITS.posts.burst - 2; left >= 0; left--) {
          const { status, headers } = await program.post(uri, `${left} left`)
          assert.equal(status, 201)
          assert.match(headers.get('ratelimit') ?? '', new RegExp(`^"posts";r=${left};`))
        }
        const [short, long] = [await program.post(uri, 'no'), await program.post(uri, 'no', LONG_WAY.json)]
        assert.equal(short.status, 429)
        assert.deepEqual(settled(short), settled(long))
      })
    } finally {
      await site.close()
    }
  })
})

/** A chat with a program and a page in it, whom memory knows. */
async function chatOf(site: Site) {
  const program = await signUpProgram(site, 'ann')
  const uri = await program.startChat()
  const page = await new Visitor(site).signUp('bob')
  await page.get(`/chats/${uri}`)
  await page.post(`/chats/${uri}/members`)
  await program.post(uri, 'hello')
  await page.get(`/chats/${uri}`)
  return { program, page, uri }
}

async function countOf(site: Site, text: string): Promise<number> {
  const { rows } = await site.pool.query('select count(*)::int as count from events where text = $1', [text])
  return rows[0].count
}

/** Sends some hundred requests both ways. */
async function compare(site: Site) {
  const { program, page, uri } = await chatOf(site)
  const stranger = await new Visitor(site).signUp('carl')
  const quiet = await program.startChat()
  await program.call('PATCH', `/api/chats/${quiet}/settings/`, { read_only: true })
  const { rows: owners } = await site.pool.query("select id, password_hash from users where username = 'ann'")
  const { rows: chats } = await site.pool.query('select chat_id, uri from links order by chat_id')
  const tokens = [program.token ?? '']
  for (const more of [{ scopes: ['read'] }, { chat_id: chats[0].chat_id }, { chat_id: chats[1].chat_id }] as const) {
    const key = randomKey()
    await createToken(site.db, owners[0], { key_hash: keyHash(key), ...(more as object) })
    tokens.push(key)
    await new Program(site, key).call('GET', '/auth/users/me/')
  }
  await program.post(uri, 'as before', { 'idempotency-key': 'used' })
  await page.htmx('POST', `/chats/${uri}/messages`, { message: 'as before', key: 'used' })
  const sid = sessionCookie(site.secure)
  const random = randomNumbers(5)
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  // The first of each is what is sent most often, and comes up most times.
  const some = <T>(values: readonly T[]): T => (random() < 0.75 ? (values[0] as T) : oneOf(values))
  const cursor = async () => {
    const { rows } = await site.pool.query('select version from chats where id = $1', [chats[0].chat_id])
    return String(rows[0].version)
  }

  site.log.length = 0
  let stored = 0
  for (let count = 0; count < 500; count++) {
    const form: Form = oneOf(['json', 'fragment'])
    const at = `${some([uri, quiet, `${uri.slice(1)}${uri[0]}`, 'short'])}/messages${some(['/', '', '//', '?x=1', '/?', '?_=1', '#x', '.'])}`
    const path = `${form === 'json' ? some(['/api', '', '/API']) : some(['', '/api'])}/chats/${at}`
    const reply = some(['', '2', '999999', 'x', '-1'])
    const message = some([
      'one more message',
      'As *bold* as <b>',
      '@bob',
      '  ',
      'x'.repeat(2001),
      'ü\r\nü',
      '日本語 👋',
      '\0',
      '',
    ])
    const fields: Record<string, unknown> = {
      message: random() < 0.05 ? oneOf([1, null, ['a', 'b'], { a: 1 }]) : message,
      ...oneOf([
        {},
        {},
        {},
        { key: '' },
        { key: 'used' },
        { message: 'as before', key: 'used' },
        { key: 'x'.repeat(300) },
        { mesage: 'x' },
        { what: 'x', ever: 1 },
      ]),
      ...(reply ? { reply_to: reply } : {}),
      ...(form === 'fragment' ? some([{ after: 'now' }, {}, { after: 'x' }, { after: '999999' }]) : {}),
      ...(form === 'fragment' && random() < 0.1 ? { csrf: page.csrf, next: '/', draft_of: 'x' } : {}),
    }
    const type = some([
      form === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
      'application/json; charset=utf-8',
      'application/x-www-form-urlencoded;charset=UTF-8',
      'APPLICATION/JSON',
      'text/plain',
      'multipart/form-data; boundary=x',
      'rubbish',
    ])
    const body = async () => {
      const sent = fields.after === 'now' ? { ...fields, after: await cursor() } : fields
      const text = /json/i.test(type)
        ? JSON.stringify(sent)
        : new URLSearchParams(sent as Record<string, string>).toString()
      return bytesOf(text)
    }
    const broken = some([
      (sent: Uint8Array<ArrayBuffer>) => sent,
      (sent: Uint8Array<ArrayBuffer>) => sent.subarray(1),
      () => new Uint8Array(0),
      () => Uint8Array.of(0xff, 0xfe),
      () => bytesOf('[]'),
      () => bytesOf('{"__proto__":{"a":1},"message":"x"}'),
      () => bytesOf('message=%ff'),
      () => bytesOf(' '.repeat(70_000)),
    ])
    const cookie = some([page, stranger]).cookies.get(sid)
    const token = some(tokens)
    const headers: Record<string, string> = {
      accept: some([
        '*/*',
        'application/json',
        'text/plain',
        'text/html',
        'image/png',
        '',
        'text/plain;q=0.5, application/json',
        'rubbish',
      ]),
      'content-type': type,
      ...(form === 'json'
        ? {
            authorization: some([
              `Token ${token}`,
              `Bearer ${token}`,
              `jwt  ${token}`,
              `Basic ${token}`,
              `Token ${token}x`,
              'Token',
            ]),
          }
        : {
            cookie: some([`${sid}=${cookie}`, ` x=1;${sid}=${cookie}`, `${sid}=${cookie}x`, '']),
            'hx-request': some(['true', 'TRUE', '']),
            'x-csrf-token': some([page.csrf, page.csrf, stranger.csrf, '', 'x'.repeat(300)]),
          }),
      ...oneOf([
        {},
        {},
        {},
        {},
        { 'sec-fetch-site': 'same-origin' },
        { 'sec-fetch-site': 'cross-site' },
        { 'content-encoding': 'gzip' },
        { 'content-encoding': 'identity' },
        { 'idempotency-key': 'used' },
        { 'idempotency-key': 'x'.repeat(300) },
        { 'if-none-match': '*' },
        { 'x-forwarded-for': '203.0.113.7, nothing' },
        { connection: 'close' },
        { upgrade: 'h2c', connection: 'upgrade' },
        { 'x-request-id': 'asked' },
        { 'accept-encoding': 'identity;q=0' },
      ]),
    }
    const say = JSON.stringify({ path, headers, fields, form })
    const short = await exchange(site.url + path, { method: 'POST', headers, body: broken(await body()) })
    const long = await exchange(site.url + path, {
      method: 'POST',
      headers: { ...headers, ...LONG_WAY[form] },
      body: broken(await body()),
    })
    assert.deepEqual(settled(short), settled(long), say)
    const isRepeated = fields.key === 'used' || headers['idempotency-key'] === 'used'
    stored += [201, 204, 303].includes(short.status) && !isRepeated ? 2 : 0
  }
  const taken = site.log.map(line => JSON.parse(line)).filter(line => line.short)
  for (const status of [200, 201, 204]) {
    const count = taken.filter(line => line.status === status).length
    assert.ok(count > 5, `${count} answers with ${status}`)
  }
  const { rows } = await site.pool.query("select count(*)::int as count from events where kind = 'message'")
  assert.equal(rows[0].count, stored + 3)
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

/** An answer without what is another each time: numbers, times, and the id of the request. */
function settled({ status, headers, text }: Answer) {
  const same = (value: string) =>
    value
      .replace(/(name="(key|csrf)" value=|"X-CSRF-Token":)"[\w-]+"/g, '')
      .replace(/(visit(?:\.sig)?=)[\w-]+/, '$1')
      .replaceAll(' message--continued', '')
      .replace(/\d[\d:.TZ-]*/g, '0')
  const named = [...headers]
    .filter(([name]) => name !== 'date')
    .map(([name, value]) => [name, name === 'x-request-id' && value !== 'asked' ? 'any' : same(value)])
  return { status, headers: Object.fromEntries(named), text: same(text) }
}
