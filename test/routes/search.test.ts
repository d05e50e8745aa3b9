import assert from 'node:assert/strict'
import { LIMITS } from '../../src/config.js'
import { parseQuery } from '../../src/text/search-query.js'
import { snippet } from '../../src/text/snippet.js'
import { assertPage, assertProblem } from '../input/answers.js'
import { withClockStopped } from '../support/clock.js'
import { assertGrowsWithLength } from '../support/cost.js'
import { removeMember } from '../support/removal.js'
import { openSite, type Site } from '../support/site.js'
import { statementsOf } from '../support/statements.js'
import { type Program, signUpProgram, Visitor } from '../support/visitor.js'

describe('GET /chats/:uri/search and GET /search', () => {
  let site: Site
  let ann: Visitor
  let bob: Program
  let uri: string
  let other: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    bob = await signUpProgram(site, 'bob')
    uri = await ann.startChat()
    other = (await bob.call('POST', '/api/chats/', { title: 'Bob’s <b>own</b>' })).json.uri
    await bob.join(uri)
    await ann.get(`/chats/${other}`)
    await ann.post(`/chats/${uri}/messages`, { message: 'The café opens at nine <script>alert(1)</script>' })
    await bob.post(other, 'Which café? 東京のカフェ?')
  })
  after(() => site.close())

  const q = (typed: string) => encodeURIComponent(typed)

  it('show a form, and what was found with the hits marked and a link to each message', async () => {
    const form = await ann.get(`/chats/${uri}/search`)
    assert.equal(form.status, 200)
    assert.match(form.text, /<input[^>]* name="q" type="search"/)
    assert.doesNotMatch(form.text, /role="status"/)
    const { text } = await ann.get(`/chats/${uri}/search?q=${q('CAFE')}`)
    assert.match(text, /The <mark>café<\/mark> opens at nine &lt;script&gt;/)
    assert.match(text, new RegExp(`href="/chats/${uri}/messages/\\d+#message-\\d+"`))
    assert.match(text, /value="CAFE"/)
    assert.match(text, />1 message</)
    assert.doesNotMatch(text, /Which/)
  })

  it('find in all chats of the reader, the newest first, with the chats’ names', async () => {
    const { text } = await ann.get(`/search?q=${q('café')}`)
    assert.match(text, />2 messages</)
    assert.match(text, /Bob’s &lt;b&gt;own&lt;\/b&gt;[\s\S]*Chat started by <bdi>ann/)
    assert.match((await ann.get(`/search?q=${q('カフェ')}`)).text, /東京の<mark>カフェ<\/mark>/)
    assert.match((await ann.get('/')).text, /<form[^>]* action="\/search"/)
    assert.match((await ann.get(`/chats/${uri}`)).text, new RegExp(`href="/chats/${uri}/search"`))
  })

  it('answer programs with the messages and their snippets', async () => {
    const { json, status } = await bob.call('GET', `/api/chats/${uri}/search/?q=cafe+-which`)
    assert.equal(status, 200)
    assert.equal(json.more, false)
    const [message] = json.messages
    assert.deepEqual(Object.keys(message), [
      'uri',
      'title',
      'id',
      'version',
      'user',
      'message',
      'created_at',
      'edited_at',
      'snippet',
    ])
    assert.equal(message.uri, uri)
    assert.deepEqual(message.user, { ...message.user, username: 'ann', email: '' })
    assert.deepEqual(message.snippet.slice(0, 2), [
      { text: 'The ', hit: false },
      { text: 'café', hit: true },
    ])
    const all = await bob.call('GET', '/api/search?q=cafe')
    assert.deepEqual(
      all.json.messages.map((found: { uri: string }) => found.uri),
      [other, uri],
    )
  })

  it('page through everything, once each, by links and by Link', async () => {
    const chat = await bob.startChat()
    for (let n = 1; n <= 45; n++) {
      await bob.post(chat, `apple "&<${n}>`)
    }
    const both = [`/api/chats/${chat}/search/?q=${q('apple -pear')}`, `/api/search/?q=${q('apple -pear')}`]
    for (const first of both.flatMap(path => [path, `${path}&limit=7`, `${path}&limit=100`])) {
      const found: string[] = []
      for (let path = first; path !== ''; ) {
        const { json, headers } = await bob.call('GET', path)
        assert.ok(json.messages.length <= Number(/limit=(\d+)/.exec(first)?.[1] ?? 20))
        found.push(...json.messages.map(({ message }: { message: string }) => message))
        path = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? ''
        assert.equal(json.more, path !== '')
      }
      assert.deepEqual(
        found,
        Array.from({ length: 45 }, (_, n) => `apple "&<${45 - n}>`),
      )
    }
    await ann.get(`/chats/${chat}`)
    for (const first of [`/chats/${chat}/search?q=apple`, '/search?q=apple']) {
      let pages = 0
      for (let path = first; path !== ''; pages++) {
        const { text, status } = await ann.get(path)
        assert.equal(status, 200)
        path = (/<a href="([^"]+)">Older results/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&')
      }
      assert.equal(pages, 3)
    }
  })

  it('find what is there now: posted, edited, deleted', async () => {
    const chat = await bob.startChat()
    const count = async (typed: string) =>
      (await bob.call('GET', `/api/chats/${chat}/search/?q=${typed}`)).json.messages.length
    const { id } = (await bob.post(chat, 'apple')).json
    assert.equal(await count('apple'), 1)
    await bob.call('PATCH', `/api/chats/${chat}/messages/${id}/`, { message: 'pear' })
    assert.deepEqual([await count('apple'), await count('pear')], [0, 1])
    await bob.call('DELETE', `/api/chats/${chat}/messages/${id}/`)
    assert.equal(await count('pear'), 0)
  })

  it('find nothing for who was removed, and nothing for strangers and visitors', async () => {
    const cat = await signUpProgram(site, 'cat')
    const path = `/api/chats/${uri}/search/?q=cafe`
    assert.equal((await cat.call('GET', path)).status, 404)
    assert.deepEqual((await cat.call('GET', '/api/search/?q=cafe')).json.messages, [])
    await cat.join(uri)
    assert.equal((await cat.call('GET', path)).json.messages.length, 1)
    assert.equal((await cat.call('GET', '/api/search/?q=cafe')).json.messages.length, 1)
    await removeMember(site, uri, 'cat')
    assert.equal((await cat.call('GET', path)).status, 404)
    assert.deepEqual((await cat.call('GET', '/api/search/?q=cafe')).json.messages, [])
    const visitor = new Visitor(site)
    for (const page of [`/chats/${uri}/search?q=cafe`, '/search?q=cafe', '/search']) {
      const answer = await visitor.get(page)
      assert.equal(answer.status, 401)
      assertPage(answer)
      assert.equal((await visitor.get(`/api${page}`)).status, 401)
    }
  })

  it('refuse what cannot be searched for with a sentence, and keep it in the field', async () => {
    for (const path of [`/chats/${uri}/search`, '/search']) {
      for (const bad of [
        'q=',
        'q=+%20',
        `q=${'x'.repeat(201)}`,
        'q=a%00b',
        'q=a&q=b',
        'q=a&before=x',
        'q=a&before=-1',
        'q=a&before=1&before=2',
      ]) {
        const page = await ann.get(`${path}?${bad}`)
        assert.equal(page.status, 422, bad)
        assertPage(page)
        assert.match(page.text, /name="q"/)
        assertProblem(await bob.call('GET', `/api${path}/?${bad}`), 422)
        assert.equal((await ann.htmx('GET', `${path}?${bad}`)).status, 422)
      }
      assert.match((await ann.get(`${path}?q=${'x'.repeat(201)}`)).text, /value="x{201}"/)
      assertProblem(await bob.call('GET', `/api${path}/`), 422)
      assert.equal((await ann.get(`${path}?q=${'é'.repeat(200)}`)).status, 200)
      for (const nothing of ['?!', '"', '- -', '%ED%A0%80']) {
        const page = await ann.get(`${path}?q=${nothing.startsWith('%') ? nothing : q(nothing)}`)
        assert.equal(page.status, 200, nothing)
        assert.match(page.text, /no word in that to search for/)
        assert.deepEqual((await bob.call('GET', `/api${path}/?q=${q('?!')}`)).json, { messages: [], more: false })
      }
      assert.match((await ann.get(`${path}?q=nowhere`)).text, /Nothing found/)
    }
  })

  it('escape what was typed', async () => {
    for (const markup of ['<script>alert(1)</script>', '"><svg onload=alert(1)>', '{{ 7777 * 7 }}', '</title><b>']) {
      const { text } = await ann.get(`/search?q=${q(markup)}`)
      assert.doesNotMatch(text, /<script>|<svg(?! class="icon)|<b>|54439/)
    }
  })

  it('take at most 3 statements', async () => {
    for (const path of [`/chats/${uri}/search?q=cafe`, '/search?q=cafe']) {
      const statements = await statementsOf(() => ann.get(path))
      assert.ok(statements.length <= 3, `${statements.length}`)
    }
  })

  it('are limited to so many', async () => {
    const limited = await openSite({ LIMITS: 'on' }, site)
    try {
      const dan = await signUpProgram(limited, 'dan')
      const { burst } = LIMITS.searches
      const statuses: number[] = []
      await withClockStopped(async () => {
        while (statuses.length <= burst) {
          statuses.push((await dan.call('GET', '/api/search/?q=x')).status)
        }
      })
      assert.deepEqual(statuses, [...Array(burst).fill(200), 429])
    } finally {
      await limited.close()
    }
  })
})

describe('a snippet', () => {
  const marked = (text: string, typed: string) => {
    const query = parseQuery(typed)
    assert.ok(query)
    const pieces = snippet(text, query)
    return pieces.map(({ text, hit }) => (hit ? `[${text}]` : text)).join('')
  }

  for (const [text, typed, shown] of [
    ['Café, cafe\u0301 and CAFÉ; cafeteria', 'cafe', '[Café], [cafe\u0301] and [CAFÉ]; [cafeteria]'],
    ['Straße, STRASSE', 'strasse', '[Straße], [STRASSE]'],
    ['tcp/ip and ip tcp', 'TCP/IP', '[tcp/ip] and ip tcp'],
    ['a b, not b a', '"a b"', '[a b], not b a'],
    ['red or green but not blue', 'red or green -blue', '[red] or [green] but not blue'],
    ['買東京都', '東京', '買[東京]都'],
    ['iPhone手机', 'iphone', '[iPhone]手机'],
    ['각 가', '가', '각 [가]'],
    ['kubernetes, “kube” and minikube', 'kube', '[kubernetes], “[kube]” and minikube'],
    ['kubernetes, “kube” and minikube', '"kube"', 'kubernetes, “[kube]” and minikube'],
    ['v2.10.3, 12.10.3 and 2.10.30', '2.10.3', 'v[2.10.3], 12.10.3 and 2.10.30'],
    ['iPhone15 and phone 150', 'phone 15', 'iPhone[15] and [phone] 150'],
    ['👋🏽 to 🇩🇪, not 🇩🇰', '👋 or 🇩🇪', '[👋🏽] to [🇩🇪], not 🇩🇰'],
    ['nothing of it', '-x', 'nothing of it'],
    ['😀 hit 😀', 'hit', '😀 [hit] 😀'],
    ['<b> & "x"', 'x', '<b> & "[x]"'],
  ] as const) {
    it(`of ${JSON.stringify(text)} for ${typed} is ${shown}`, () => assert.equal(marked(text, typed), shown))
  }

  it('is some 160 characters around the first hit', () => {
    const text = `${'word '.repeat(100)}hit ${'more '.repeat(100)}`
    const shown = marked(text, 'hit')
    assert.match(shown, /^…word .*\[hit\] more .*…$/)
    assert.ok(shown.length <= 164)
    assert.match(marked(`${'word '.repeat(100)}hit`, 'hit'), /^….*\[hit\]$/)
    assert.match(marked('😀'.repeat(300), 'x'), /^(😀){160}…$/u)
  })

  it('takes no time that grows out of hand, of the longest and worst', () => {
    const typed = `${'a '.repeat(60)}"${'a '.repeat(39)}"`
    assertGrowsWithLength('a '.repeat(1000), text => marked(text, typed))
    assertGrowsWithLength('a'.repeat(2000), text => marked(text, typed))
    assertGrowsWithLength('ﷺ'.repeat(2000), text => marked(text, 'صلى'))
  })
})
