import assert from 'node:assert/strict'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Visitor } from '../support/visitor.js'

/** Ways to say "another site" to a browser, by strings that look like a path of this one. */
const ELSEWHERE = [
  '//evil.example',
  '///evil.example',
  '////evil.example/',
  '/\\evil.example',
  '\\\\evil.example',
  '\\/evil.example',
  '/\\/evil.example',
  '//\\evil.example',
  'https://evil.example',
  'https:evil.example',
  'https:/evil.example',
  'HTTP://evil.example',
  '//evil.example/%2f..',
  '//evil.example@127.0.0.1/',
  'javascript:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'evil.example',
  '.evil.example',
  '@evil.example',
  ':evil.example',
  ' //evil.example',
  '\t//evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\n/evil.example',
  '\u0000//evil.example',
  '/\u0000/evil.example',
  '\u0001https://evil.example',
  '\u00a0//evil.example',
  '\u2028//evil.example',
  '\ufeff//evil.example',
  '/./\\evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/a/..//evil.example',
  '/a/../../..//evil.example',
  '/%2e%2e//evil.example',
  '/%09/evil.example',
  '/%0a/evil.example',
  '/%5cevil.example',
  '/%2f/evil.example',
  '/%2fevil.example',
  '/\r\nLocation: https://evil.example',
  '/\r\nSet-Cookie: sid=x',
  '//[::1]/',
  '//127.0.0.1:1/',
  '//evil。example',
  '/\u3002/evil.example',
  '//',
  '/\\',
  '#//evil.example',
  '?//evil.example',
]

describe('next', () => {
  let site: Site
  before(async () => {
    site = await openSite()
    await new Visitor(site).signUp('ann')
  })
  after(() => site.close())

  it('leads to this site after signing in, whatever it says', async () => {
    // Each sign-in costs a hash: the forms are asked about all of them below.
    for (const next of ELSEWHERE.filter((_, n) => n % 3 === 0)) {
      const visitor = new Visitor(site)
      await visitor.get('/login')
      const answer = await visitor.post('/login', { username: 'ann', password: PASSWORD, next })
      if (answer.status === 303) {
        assertHere(answer.headers.get('location'), next)
        assert.equal(answer.headers.getSetCookie().filter(cookie => /^sid=x(;|$)/.test(cookie)).length, 0)
      } else {
        assert.equal(answer.status, 422, JSON.stringify(next))
      }
    }
  })

  it('leads to this site after signing up', async () => {
    for (const [n, next] of [
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'https://evil.example',
    ].entries()) {
      const visitor = new Visitor(site)
      await visitor.get('/signup')
      const answer = await visitor.post('/signup', { username: `new${n}`, password: PASSWORD, next })
      assert.equal(answer.status, 303)
      assertHere(answer.headers.get('location'), next)
    }
  })

  it('is put into no form and no link of a page unless it leads to this site', async () => {
    for (const next of ELSEWHERE) {
      const visitor = new Visitor(site)
      for (const path of ['/login', '/signup']) {
        const shown = await visitor.get(`${path}?next=${encodeURIComponent(next)}`)
        const again = await visitor.post(path, { username: '', password: '', next })
        // A text that no address can be is refused as a bad query.
        for (const { text } of shown.status === 200 ? [shown, again] : [again]) {
          for (const [, value = ''] of text.matchAll(/name="next" value="([^"]*)"/g)) {
            assert.ok(value === '' || value.startsWith('/'), next)
            assertHere(value.replaceAll('&amp;', '&') || '/', next)
          }
          for (const [, value = ''] of text.matchAll(/href="([^"#][^"]*)"/g)) {
            assertHere(value.replaceAll('&amp;', '&'), next)
            const inner = new URL(value.replaceAll('&amp;', '&'), site.url).searchParams.get('next')
            assertHere(inner ?? '/', next)
          }
        }
      }
    }
  })

  it('leads to a page of this site where it names one, with its query', async () => {
    for (const [next, location] of [
      ['/chats/AAAAAAAAAAAAAAAAAAAAAA', '/chats/AAAAAAAAAAAAAAAAAAAAAA'],
      ['/?before=1-1', '/?before=1-1'],
      ['/chats/x?before=5#message-4', '/chats/x?before=5'],
      ['/a/../login', '/login'],
      ['/?next=//evil.example', '/?next=//evil.example'],
      ['', '/'],
    ] as const) {
      const visitor = new Visitor(site)
      await visitor.get('/login')
      const answer = await visitor.post('/login', { username: 'ann', password: PASSWORD, next })
      assert.equal(answer.headers.get('location'), location)
    }
  })

  it('stays through errors and through going from one form to the other', async () => {
    const visitor = new Visitor(site)
    const next = '/chats/AAAAAAAAAAAAAAAAAAAAAA?before=5&x=é'
    const encoded = '/chats/AAAAAAAAAAAAAAAAAAAAAA?before=5&x=%C3%A9'
    const login = await visitor.get(`/login?next=${encodeURIComponent(next)}`)
    const signUp = await visitor.get(
      /href="(\/signup\?next=[^"]+)"/.exec(login.text)?.[1]?.replaceAll('&amp;', '&') ?? '',
    )
    const back = /href="(\/login\?next=[^"]+)"/.exec(signUp.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    assert.equal(new URL(back, site.url).searchParams.get('next'), encoded)
    const refused = await visitor.post('/signup', { username: 'ann', password: PASSWORD, next: encoded })
    assert.equal(refused.status, 422)
    const [, kept = ''] = /name="next" value="([^"]*)"/.exec(refused.text) ?? []
    const entered = await visitor.post('/login', {
      username: 'ann',
      password: PASSWORD,
      next: kept.replaceAll('&amp;', '&'),
    })
    assert.equal(entered.headers.get('location'), encoded)
  })

  it('is made of the page’s own path where htmx asks in a session that is over, whatever page it claims', async () => {
    for (const page of [
      'https://evil.example/chats/x',
      `${site.url}//evil.example/`,
      'javascript:alert(1)',
      'x',
      '//e/f',
    ]) {
      const visitor = new Visitor(site)
      const answer = await visitor.htmx('GET', '/chats/AAAAAAAAAAAAAAAAAAAAAA/messages?after=0', undefined, {
        'hx-current-url': page,
      })
      assert.equal(answer.status, 401)
      for (const [, value = ''] of answer.text.matchAll(/href="([^"]*)"/g)) {
        assertHere(value, page)
        assertHere(new URL(value, site.url).searchParams.get('next') ?? '/', page)
      }
    }
  })

  /** As a browser reads it: an address of this very origin, by a path from its root. */
  function assertHere(location: string | null, from: string) {
    assert.ok(location !== null && /^\/(?![/\\])/.test(location), `${JSON.stringify(from)} led to ${location}`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(location, /[\u0000-\u0020\u007f\\]/)
    assert.equal(new URL(location, 'http://here.example').origin, 'http://here.example')
  }
})
