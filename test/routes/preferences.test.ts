import assert from 'node:assert/strict'
import { assertPage, assertProblem } from '../input/answers.js'
import type { Answer } from '../support/exchange.js'
import { openSite, type Site } from '../support/site.js'
import { Program, Visitor } from '../support/visitor.js'

const DARK = { theme: 'dark', text_size: 'large', enter: 'line' }

describe('the preferences', () => {
  let site: Site
  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const html = ({ text }: Answer) => /<html[^>]*>/.exec(text)?.[0]
  const metas = ({ text }: Answer) =>
    [...text.matchAll(/<meta name="(?:color-scheme|theme-color)" [^>]*>/g)].map(([tag]) => tag)

  it('are the system’s theme, normal text and the device’s Enter until somebody chooses', async () => {
    const page = await new Visitor(site).get('/')
    assert.equal(html(page), '<html lang="en" data-theme="system" data-text-size="normal" data-enter="auto">')
    assert.deepEqual(metas(page), [
      '<meta name="color-scheme" content="light dark">',
      '<meta name="theme-color" content="#e9eef8" media="(prefers-color-scheme: light)">',
      '<meta name="theme-color" content="#0a0f17" media="(prefers-color-scheme: dark)">',
    ])
  })

  it('are linked from the account’s page', async () => {
    const ann = await new Visitor(site).signUp('ann')
    assert.match((await ann.get('/account')).text, /href="\/preferences"/)
  })

  it('are kept in one cookie of the browser, for visitors too, and drawn by the server on every page from then on', async () => {
    const visitor = new Visitor(site)
    await visitor.get('/preferences')
    const answer = await visitor.post('/preferences', DARK)
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.get('location'), '/preferences?saved')
    const [cookie = '', ...others] = answer.headers.getSetCookie()
    assert.deepEqual(others, [])
    assert.match(cookie, /^preferences=dark\.large\.line; path=\/; expires=[^;]+; samesite=lax; httponly$/i)
    const saved = await visitor.get('/preferences?saved')
    assert.match(saved.text, /role="status">Saved\.</)
    assert.deepEqual(
      [...saved.text.matchAll(/<input[^>]* value="(\w+)" checked>/g)].map(([, value]) => value),
      ['dark', 'large', 'line'],
    )
    for (const path of ['/', '/login', '/preferences', '/nowhere']) {
      const page = await visitor.get(path)
      assert.equal(html(page), '<html lang="en" data-theme="dark" data-text-size="large" data-enter="line">', path)
      assert.deepEqual(metas(page), [
        '<meta name="color-scheme" content="dark">',
        '<meta name="theme-color" content="#0a0f17">',
      ])
    }
    await visitor.post('/preferences', { ...DARK, theme: 'light' })
    assert.deepEqual(metas(await visitor.get('/')), [
      '<meta name="color-scheme" content="light">',
      '<meta name="theme-color" content="#e9eef8">',
    ])
  })

  it('hold in the frame of messages, too, where there is no JavaScript', async () => {
    const bob = await new Visitor(site).signUp('bob')
    const uri = await bob.startChat()
    await bob.post('/preferences', DARK)
    for (const [path, headers] of [
      [`/chats/${uri}/live`, { 'sec-fetch-dest': 'iframe' }],
      [`/chats/${uri}/live`, {}],
      ['/chats/AAAAAAAAAAAAAAAAAAAAAA/live', {}],
    ] as const) {
      const frame = await bob.get(path, headers)
      assert.match(html(frame) ?? '', / data-theme="dark" data-text-size="large">$/)
      assert.deepEqual(metas(frame), ['<meta name="color-scheme" content="dark">'])
    }
  })

  it('stay when somebody signs out', async () => {
    const cleo = await new Visitor(site).signUp('cleo')
    await cleo.post('/preferences', DARK)
    await cleo.post('/logout')
    assert.match(html(await cleo.get('/')) ?? '', /data-theme="dark"/)
  })

  it('are only what is offered: anything else is refused, and a cookie that was changed counts as none', async () => {
    const visitor = new Visitor(site)
    await visitor.get('/preferences')
    for (const fields of [{}, { ...DARK, theme: 'pink' }, { ...DARK, enter: ['send', 'line'] }]) {
      const refused = await visitor.post('/preferences', fields)
      assert.equal(refused.status, 422)
      assertPage(refused)
      assert.match(refused.text, /Choose one of those that are offered\./)
      assert.deepEqual(refused.headers.getSetCookie(), [])
    }
    const program = await new Program(site).call(
      'POST',
      '/preferences',
      { ...DARK, theme: 1 },
      { accept: 'application/json' },
    )
    assertProblem(program, 422)
    for (const cookie of ['dark', 'dark.large.line.more"><script>', 'pink.large.line', '..', 'dark.large.']) {
      visitor.cookies.set('preferences', cookie)
      const page = await visitor.get('/')
      assert.doesNotMatch(page.text, /<script>/)
      if (!cookie.startsWith('dark.large.line')) {
        assert.match(html(page) ?? '', /data-theme="system" data-text-size="normal" data-enter="auto"/, cookie)
      }
    }
  })

  it('are sent over https only where the site is, under a name that no other host can set', async () => {
    const secure = await openSite({ PUBLIC_URL: 'https://chat.example.org' }, site)
    const visitor = new Visitor(secure)
    await visitor.get('/preferences')
    const answer = await visitor.post('/preferences', DARK, { origin: 'https://chat.example.org' })
    assert.match(answer.headers.getSetCookie().join(), /^__Host-preferences=dark\.large\.line; .*secure/i)
    assert.match(html(await visitor.get('/')) ?? '', /data-theme="dark"/)
    await secure.close()
  })
})
