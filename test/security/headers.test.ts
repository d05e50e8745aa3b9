import assert from 'node:assert/strict'
import { createReset } from '../../src/db/resets.js'
import { keyHash } from '../../src/keys.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, type Program, signUpProgram, Visitor } from '../support/visitor.js'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'

describe('what every answer says of itself', () => {
  let site: Site
  let ann: Visitor
  let bob: Visitor
  let program: Program
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await new Visitor(site).signUp('bob')
    program = await signUpProgram(site, 'prog')
    uri = await ann.startChat()
    await ann.post(`/chats/${uri}/messages`, { message: 'hello https://example.org <b>' })
    const { id } = await site.db
      .selectFrom('users')
      .select('id')
      .where('username', '=', 'bob')
      .executeTakeFirstOrThrow()
    await createReset(site.db, id, keyHash('reset-key'))
  })
  after(() => site.close())

  /** Every page there is, refusals included. */
  async function pages(): Promise<Record<string, Answer>> {
    const visitor = new Visitor(site)
    const html = { accept: 'text/html' }
    const form = { ...html, 'content-type': 'application/x-www-form-urlencoded' }
    return {
      'start page, signed out': await visitor.get('/'),
      'sign-up': await visitor.get('/signup'),
      login: await visitor.get('/login?next=/chats/x'),
      'login, refused': await visitor.post('/login', { username: 'ann', password: 'wrong' }),
      'sign-up, refused': await visitor.post('/signup', { username: '<b>', password: 'x', email: '"><script>' }),
      invitation: await visitor.get(`/chats/${uri}`),
      offline: await ann.get('/offline'),
      help: await visitor.get('/help'),
      preferences: await visitor.get('/preferences'),
      'preferences, refused': await visitor.post('/preferences', { theme: '"><script>' }),
      'new password': await visitor.get('/reset/reset-key'),
      'start page, signed in': await ann.get('/'),
      chat: await ann.get(`/chats/${uri}`),
      members: await ann.get(`/chats/${uri}/members`),
      settings: await ann.get(`/chats/${uri}/settings`),
      'settings, refused': await ann.post(`/chats/${uri}/settings`, { title: 'x'.repeat(201) }),
      bans: await ann.get(`/chats/${uri}/bans`),
      'older part of the chat': await ann.get(`/chats/${uri}?before=3`),
      'chat with an unsent message': await ann.post(`/chats/${uri}/messages`, { message: 'x'.repeat(2001) }),
      'joining by a button': await bob.get(`/chats/${uri}`, { 'sec-fetch-site': 'cross-site' }),
      400: await ann.send('POST', '/chats', '{', { ...html, 'content-type': 'application/json' }),
      401: await visitor.get('/chats'),
      403: await ann.post('/chats', { csrf: 'wrong' }),
      404: await ann.get('/nothing'),
      '404 chat': await ann.get(`/chats/${UNKNOWN}`),
      '404 signed out': await visitor.get(`/chats/${UNKNOWN}`),
      405: await ann.send('PUT', '/login', undefined, { ...html, 'x-csrf-token': ann.csrf }),
      410: await ann.get(`/chats/${uri}/messages?after=999`),
      413: await ann.send('POST', '/chats', 'x'.repeat(70_000), form),
      414: await ann.get(`/?${'x'.repeat(3000)}`),
      415: await ann.send('POST', '/chats', 'x', { ...html, 'content-type': 'text/plain' }),
      422: await ann.get('/?before=x'),
    }
  }

  /** Every other kind of answer. */
  async function others(): Promise<Record<string, Answer>> {
    const list = `/api/chats/${uri}/messages/`
    await program.join(uri)
    const etag = (await program.call('GET', list)).headers.get('etag') ?? ''
    const { version } = (await program.call('GET', list)).json
    const visitor = new Visitor(site)
    await visitor.get('/login')
    return {
      'redirect after a form': await ann.post('/chats'),
      'redirect after a login': await visitor.post('/login', { username: 'bob', password: PASSWORD }),
      'redirect to the icon': await visitor.get('/favicon.ico'),
      'header by htmx': await ann.htmx('GET', `/chats/${uri}/header`),
      'members by htmx': await ann.htmx('GET', `/chats/${uri}/members`),
      'members as JSON': await program.call('GET', `/api/chats/${uri}/members/`),
      'redirect after settings': await ann.post(`/chats/${uri}/settings`, { title: '' }),
      'idle poll, 204': await ann.htmx('GET', `/chats/${uri}/messages?after=${version}`),
      'poll with news': await ann.htmx('GET', `/chats/${uri}/messages?after=0`),
      'older messages': await ann.htmx('GET', `/chats/${uri}/messages?before=3`),
      'fragment refused': await ann.htmx('GET', `/chats/${uri}/messages?after=x`),
      'fragment signed out': await new Visitor(site).htmx('GET', `/chats/${uri}/messages?after=0`),
      'fragment not found': await ann.htmx('GET', `/chats/${UNKNOWN}/messages?after=0`),
      'sent by htmx': await ann.htmx('POST', `/chats/${uri}/messages`, { message: 'sent', after: '0' }),
      'chat as JSON': await program.call('GET', `/api/chats/${uri}/`),
      'messages as JSON': await program.call('GET', list),
      'events as JSON': await program.call('GET', `${list}?after=0`),
      'messages unchanged, 304': await program.call('GET', list, undefined, {
        'if-none-match': etag,
        'cache-control': 'max-age=0',
      }),
      'chats as JSON': await program.call('GET', '/api/chats/'),
      'tokens as JSON': await program.call('GET', '/auth/tokens/'),
      'new account': await program.call('POST', '/auth/users/create/', { username: 'x', password: PASSWORD }),
      'new token': await program.call('POST', '/auth/token/create/', { username: 'prog', password: PASSWORD }),
      'problem 400': await program.call('POST', '/auth/token/create/', {}),
      'problem 401': await new Visitor(site).send('GET', '/api/chats/'),
      'problem 404': await program.call('GET', `/api/chats/${UNKNOWN}/`),
      'problem 405': await program.call('DELETE', '/api/chats/'),
      'problem 410': await program.call('GET', `${list}?after=999`),
      'problem 422': await program.call('POST', list, {}),
      OPTIONS: await ann.send('OPTIONS', '/login'),
      preflight: await ann.send('OPTIONS', '/api/chats/', undefined, {
        origin: 'https://x.example',
        'access-control-request-method': 'POST',
      }),
      'robots.txt': await ann.get('/robots.txt'),
      up: await ann.get('/up'),
      'unknown static file': await ann.get('/static/app-000.css'),
    }
  }

  it('is nosniff, noindex and for this site alone, whatever kind of answer it is', async () => {
    for (const [name, { status, headers }] of Object.entries({ ...(await pages()), ...(await others()) })) {
      const kind = `${name} (${status})`
      assert.equal(headers.get('x-content-type-options'), 'nosniff', kind)
      assert.match(headers.get('x-robots-tag') ?? '', /noindex.*nofollow/, kind)
      assert.equal(headers.get('x-powered-by'), null, kind)
      assert.equal(headers.get('server'), null, kind)
      if (!/JSON|problem|new account|new token|preflight|304/.test(name)) {
        assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', kind)
      }
    }
  })

  it('names the type of its body, and the charset of text', async () => {
    for (const [name, { status, headers, text }] of Object.entries({ ...(await pages()), ...(await others()) })) {
      const type = headers.get('content-type') ?? ''
      assert.equal(type === '', text === '' && !/redirect/.test(name), `${name} (${status}): ${type}`)
      assert.match(
        type,
        /^$|^text\/.*; charset=utf-8$|^application\/(problem\+)?json(; charset=utf-8)?$/,
        `${name} (${status})`,
      )
    }
  })

  it('is not to be stored: no-store, or asked for again each time where it is a list of messages', async () => {
    for (const [name, { status, headers }] of Object.entries({ ...(await pages()), ...(await others()) })) {
      const control = headers.get('cache-control') ?? ''
      // What is tagged by its content is kept by programs alone, which know what they keep.
      const isOfVersions = /^W\/"\d+\./.test(headers.get('etag') ?? '')
      assert.equal(control, isOfVersions ? 'private, no-cache' : 'no-store, no-cache', `${name} (${status})`)
    }
  })

  it('has a Content-Security-Policy on every page that allows own files and nothing inline', async () => {
    for (const [name, { headers, text }] of Object.entries(await pages())) {
      assert.match(text, /^\s*<!doctype html>/i, name)
      const policy = headers.get('content-security-policy') ?? ''
      assert.doesNotMatch(policy, /unsafe|eval|\*|https?:|blob:|strict-dynamic/, name)
      const directives = new Map(
        policy.split(/; */).map(part => [part.split(' ')[0], part.split(' ').slice(1).join(' ')]),
      )
      assert.equal(directives.get('default-src'), "'none'", name)
      assert.equal(directives.get('script-src'), "'self'", name)
      assert.equal(directives.get('style-src'), "'self'", name)
      assert.equal(directives.get('connect-src'), "'self'", name)
      assert.equal(directives.get('manifest-src'), "'self'", name)
      assert.equal(directives.get('form-action'), "'self'", name)
      assert.equal(directives.get('base-uri'), "'none'", name)
      assert.equal(directives.get('frame-ancestors'), "'none'", name)
      assert.equal(directives.get('object-src') ?? "'none'", "'none'", name)
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', name)
      // Not no-referrer: with that, browsers send `Origin: null` with our own forms.
      assert.equal(headers.get('referrer-policy'), 'same-origin', name)
      assert.notEqual(headers.get('permissions-policy'), null, name)
    }
  })

  it('has the policy on every document, whoever asks for it and however', async () => {
    for (const headers of [
      { accept: 'text/html' },
      { accept: 'application/json' },
      { accept: '*/*' },
      { accept: 'image/*' },
      { accept: 'text/html', 'hx-request': 'true' },
    ]) {
      for (const path of ['/', '/login', '/signup', '/reset/reset-key', `/chats/${uri}`, '/nothing']) {
        const answer = await ann.send('GET', path, undefined, headers as Record<string, string>)
        if (/^\s*<!doctype html>/i.test(answer.text)) {
          const policy = answer.headers.get('content-security-policy') ?? ''
          assert.match(policy, /default-src 'none'/, `${path} ${JSON.stringify(headers)}`)
        }
      }
    }
  })

  it('holds no inline style, script or handler, and nothing that needs eval, in any page or fragment', async () => {
    const fragments = Object.entries(await others()).filter(([, { headers }]) =>
      /html/.test(headers.get('content-type') ?? ''),
    )
    for (const [name, { text }] of [...Object.entries(await pages()), ...fragments]) {
      assert.doesNotMatch(text, /<style|<base|<object|<embed/i, name)
      for (const [tag] of text.matchAll(/<[a-z][^>]*>/gi)) {
        assert.doesNotMatch(tag, /\s(style|on\w+|hx-on[\w:-]*|srcdoc)\s*=/i, `${name}: ${tag}`)
        assert.doesNotMatch(tag, /=["']?\s*(javascript|js|data|vbscript):/i, `${name}: ${tag}`)
        assert.doesNotMatch(tag, /hx-trigger="[^"]*\[/i, `${name}: ${tag}`)
        // Every value is quoted: unquoted, a space in it would begin another attribute.
        assert.doesNotMatch(tag.replace(/"[^"]*"|'[^']*'/g, '""'), /=[^"]/, `${name}: ${tag}`)
      }
      for (const [, attributes = '', content = ''] of text.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/gi)) {
        assert.match(attributes, / src="\/static\//, name)
        assert.equal(content, '', name)
      }
    }
  })

  it('refers to no other site: no file, font or image from elsewhere', async () => {
    for (const [name, { text }] of Object.entries(await pages())) {
      for (const [, url = ''] of text.matchAll(/<(?:script|link|img|source)[^>]* (?:src|href)="([^"]*)"/gi)) {
        assert.match(url, /^\/(static\/|chats\/[\w-]+\/invite\/code\.svg$)/, name)
      }
    }
  })

  it('is kept for ever where it is a file with the hash of its content in its name', async () => {
    const { text } = await ann.get('/')
    const files = [...text.matchAll(/"(\/static\/[^"]+)"/g)].map(([, path = '']) => path)
    assert.ok(files.length >= 3)
    for (const path of files) {
      assert.match(path, /-[\w-]{8,}\.(css|js|svg|png|webmanifest)$/)
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await ann.send(method, path)
        assert.equal(status, 200)
        assert.match(headers.get('cache-control') ?? '', /public.*max-age=31536000.*immutable/)
        assert.equal(headers.get('x-content-type-options'), 'nosniff')
        assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
        assert.deepEqual(headers.getSetCookie(), [])
      }
      assert.equal((await ann.send('GET', path.replace(/-[\w-]+\./, '-AAAAAAAAAAAAAAAA.'))).status, 404)
    }
  })

  it('never is cacheable and about a session at once', async () => {
    for (const [name, { headers }] of Object.entries({ ...(await pages()), ...(await others()) })) {
      assert.doesNotMatch(headers.get('cache-control') ?? '', /public|max-age|immutable/, name)
    }
  })

  it('is 404 and not to be stored under a chat’s path that looks like a file', async () => {
    for (const path of [
      `/chats/${uri}/x.css`,
      `/chats/${uri}/app.js`,
      `/chats/${uri}.css`,
      `/chats/${uri};x.css`,
      `/chats/${uri}%2Fx.css`,
      `/chats/${uri}%3Fx.css`,
      `/chats/${uri}%23.css`,
      `/chats/${uri}%00.css`,
      `/chats/${uri}/messages/x.css`,
      `/chats/${uri}/messages.css`,
      `/chats/x.css`,
      `/static/..%2Fchats%2F${uri}`,
    ]) {
      const answer = await ann.get(path)
      assert.equal(answer.status, 404, path)
      assert.equal(answer.headers.get('cache-control'), 'no-store, no-cache', path)
      assert.ok(!answer.text.includes('hello'), path)
    }
  })

  it('serves no file but those that pages name', async () => {
    for (const path of [
      '/static/',
      '/static/app.css',
      '/static/..%2F..%2Fpackage.json',
      '/static/%2e%2e/%2e%2e/package.json',
      '/package.json',
      '/.git/config',
      '/src/app.ts',
      '/views/layout.njk',
    ]) {
      assert.equal((await ann.get(path)).status, 404, path)
    }
  })

  it('tells machines to index nothing', async () => {
    assert.equal((await ann.get('/robots.txt')).text, 'User-agent: *\nDisallow:\n')
  })

  it('says nothing of the cause where something went wrong here, in all three forms', async () => {
    await site.pool.query('alter table events rename to events_gone')
    try {
      const page = await ann.get(`/chats/${uri}?before=9`)
      const fragment = await ann.htmx('GET', `/chats/${uri}/messages?before=9`)
      const json = await program.call('GET', `/api/chats/${uri}/messages/`)
      assert.match(page.text, /<header class="top">[\s\S]*role="alert"/)
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
      assert.match(fragment.text, /<hx-partial hx-target="#alert"/)
      assert.match(json.headers.get('content-type') ?? '', /^application\/problem\+json/)
      for (const answer of [page, fragment, json]) {
        assert.equal(answer.status, 500)
        assert.doesNotMatch(answer.text, /relation|events|postgres|select|\.js\b.*:\d+|stack|at async/i)
        assert.equal(answer.headers.get('cache-control'), 'no-store, no-cache')
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
        assert.equal(answer.headers.get('etag'), null)
      }
    } finally {
      await site.pool.query('alter table events_gone rename to events')
    }
    assert.equal((await ann.get(`/chats/${uri}`)).status, 200)
  })
})
