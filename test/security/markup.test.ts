import assert from 'node:assert/strict'
import { mentionedNames, messageHtml } from '../../src/text/markdown.js'
import { assertGrowsWithLength } from '../support/cost.js'
import { openSite, type Site } from '../support/site.js'
import { PASSWORD, Visitor } from '../support/visitor.js'
import { worstTexts } from '../support/worst-texts.js'

const MARKUP = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "'><b>",
  '</textarea><script>alert(1)</script>',
  '</li></ol><form action=//evil.example>',
  '<hx-partial hx-target="body">x</hx-partial>',
  '{{ 7777 * 7 }}{% include "layout.njk" %}',
  '&lt;b&gt; &amp; &#x3c;',
  '<!-- -->',
  ']]>',
  '\\"onmouseover=alert(1)//',
  '` onfocus=alert(1) autofocus',
]

/** Ways to write an address that runs script or carries a document, some of which a careless parser lets through. */
const BAD_LINKS = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'javascript://example.org/%0aalert(1)',
  'javascript://example.org:80/\nalert(1)',
  'javascript:\talert(1)',
  'java\tscript:alert(1)',
  'java\nscript:alert(1)',
  'java\rscript:alert(1)',
  '\u0001javascript:alert(1)',
  '\u000ejavascript:alert(1)',
  '\u001bjavascript:alert(1)',
  '\u007fjavascript:alert(1)',
  '\u0085javascript:alert(1)',
  '\u00a0javascript:alert(1)',
  '\u00adjavascript:alert(1)',
  '\u200bjavascript:alert(1)',
  '\u200djavascript:alert(1)',
  '\u202ejavascript:alert(1)',
  '\u2028javascript:alert(1)',
  '\ufeffjavascript:alert(1)',
  'java\u0001script:alert(1)',
  'java\u00adscript:alert(1)',
  'java\u200bscript:alert(1)',
  'javascript\u0001:alert(1)',
  'javascript\u00a0:alert(1)',
  'javascript&colon;alert(1)',
  'javascript&#58;alert(1)',
  '&#106;avascript:alert(1)',
  'javascript%3Aalert(1)',
  '%6Aavascript:alert(1)',
  'ｊavascript:alert(1)',
  'javascript：alert(1)',
  'jаvascript:alert(1)',
  'view-source:javascript:alert(1)',
  'feed:javascript:alert(1)',
  'jar:javascript:alert(1)!/',
  'javascript:alert(1)@example.org',
  'javascript:https://example.org/',
  'mailto:javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'DATA:text/html;base64,PHNjcmlwdD4=',
  'data:image/svg+xml,<svg onload=alert(1)>',
  '\u0001data:text/html,x',
  'data://example.org/,x',
  'vbscript:msgbox(1)',
  'blob:https://example.org/1',
  'file:///etc/passwd',
  'filesystem:https://example.org/x',
  'about:blank',
  'ftp://example.org/x',
  'ws://example.org/',
  'intent://example.org/#Intent;end',
  'chrome://settings',
  'tel:+123',
  'https:javascript:alert(1)',
  'https://"onmouseover="alert(1)',
  "https://example.org/'onclick='alert(1)",
  'https://example.org/"onclick="alert(1)"x="',
  'https://example.org/<script>alert(1)</script>',
  'https://example.org/`onclick=alert(1)',
  'https://javascript:alert(1)@example.org/',
  'http:\\\\javascript:alert(1)',
  'http://[javascript:alert(1)]',
  'x@javascript:alert(1)',
]

describe('text that people write', () => {
  let site: Site
  let ann: Visitor
  let uri: string
  before(async () => {
    site = await openSite()
    ann = await new Visitor(site).signUp('ann')
    uri = await ann.startChat()
  })
  after(() => site.close())

  it('is escaped in messages, wherever they are shown', async () => {
    for (const message of MARKUP) {
      const { version } = (await ann.send('GET', `/api/chats/${uri}/`)).json
      await ann.post(`/chats/${uri}/messages`, { message })
      const shown = {
        page: await ann.get(`/chats/${uri}`),
        poll: await ann.htmx('GET', `/chats/${uri}/messages?after=${version}`),
        older: await ann.htmx('GET', `/chats/${uri}/messages?before=99999`),
        'start page': await ann.get('/'),
        'composer after a refusal': await ann.post(`/chats/${uri}/messages`, { message: message.padEnd(2001, 'x') }),
        'page of an error': await ann.post(`/chats/${uri}/messages`, { message, csrf: 'wrong' }),
        'answer to htmx': await ann.htmx('POST', `/chats/${uri}/messages`, { message, after: String(version) }),
      }
      for (const [where, { text }] of Object.entries(shown)) {
        assert.ok(unescaped(text).includes(message) || where === 'start page', `${where}: ${message}`)
        assertTame(text, `${where}: ${message}`)
      }
    }
  })

  it('is escaped in titles', async () => {
    for (const title of MARKUP) {
      const headers = { 'content-type': 'application/json', 'x-csrf-token': ann.csrf }
      const made = (await ann.send('POST', '/api/chats/', JSON.stringify({ title }), headers)).json
      for (const path of ['/', `/chats/${made.uri}`]) {
        const { text } = await ann.get(path)
        assert.ok(unescaped(text).includes(title), `${path}: ${title}`)
        assertTame(text, `${path}: ${title}`)
      }
    }
  })

  it('cannot be a username where it is markup, and comes back escaped in the form', async () => {
    for (const username of MARKUP) {
      const visitor = new Visitor(site)
      await visitor.get('/signup')
      const refused = await visitor.post('/signup', { username, password: PASSWORD, email: username })
      assert.equal(refused.status, 422, username)
      assert.equal(unescaped(refused.text).split(`value="${username}"`).length, 3, username)
      assertTame(refused.text, username)
      const login = await visitor.post('/login', { username, password: '' })
      assert.equal(login.status, 422)
      assertTame(login.text, username)
    }
    const names = await site.db.selectFrom('users').select('username').execute()
    assert.deepEqual(names, [{ username: 'ann' }])
  })

  it('is escaped in next and in the paths and queries of errors', async () => {
    for (const text of MARKUP) {
      const encoded = encodeURIComponent(text)
      for (const path of [`/login?next=/${encoded}`, `/${encoded}`, `/chats/${encoded}`, `/?before=${encoded}`]) {
        assertTame((await ann.get(path)).text, path)
        assertTame((await new Visitor(site).get(path)).text, path)
      }
    }
  })

  it('never becomes a link that runs script, however it is spelled', async () => {
    assert.ok(BAD_LINKS.length > 50)
    for (const address of BAD_LINKS) {
      for (const text of [
        address,
        ` ${address} `,
        `see ${address}.`,
        `(${address})`,
        `<${address}>`,
        `[x](${address})`,
      ]) {
        const html = messageHtml(text)
        assertWellFormed(html, text)
        // Of a link with words of its own the address is not shown.
        if (!text.startsWith('[')) {
          assert.equal(textOf(html), text)
        } else if (!html.includes('<a ')) {
          assert.equal(textOf(html), text)
        }
      }
    }
  })

  it('never becomes a link that runs script on the page either', async () => {
    const own = await ann.startChat()
    for (let n = 0; n < BAD_LINKS.length; n += 16) {
      await ann.post(`/chats/${own}/messages`, { message: BAD_LINKS.slice(n, n + 16).join('\n\n') })
    }
    const { text } = await ann.get(`/chats/${own}`)
    const messages = [...text.matchAll(/<div class="message__text"[^>]*>([\s\S]*?)<\/div>/g)]
    assert.equal(messages.length, Math.ceil(BAD_LINKS.length / 16))
    for (const [, html = ''] of messages) {
      assertWellFormed(html, 'the page')
    }
    assertTame(text, 'the page')
  })

  it('is a link where it is http, https or mailto, which tells the other site nothing of here', async () => {
    for (const [text, href] of [
      ['https://example.org/a?b=c&d=e#f', 'https://example.org/a?b=c&amp;d=e#f'],
      ['http://example.org', 'http://example.org/'],
      ['HTTPS://EXAMPLE.ORG/', 'https://example.org/'],
      ['mailto:ann@example.org', 'mailto:ann@example.org'],
      ['see https://example.org/x.', 'https://example.org/x'],
    ] as const) {
      const html = messageHtml(text)
      assert.ok(html.includes(`href="${href}"`), html)
      assert.match(html, /rel="[^"]*\bnoopener\b[^"]*"/)
      for (const word of ['noopener', 'noreferrer', 'nofollow', 'ugc']) {
        assert.match(html, new RegExp(`rel="[^"]*\\b${word}\\b`), word)
      }
      assert.equal(textOf(html), text)
    }
  })

  it('becomes nothing but the elements of Markdown that we know, each closed, whatever it is, and nothing is put in', () => {
    const pieces = [
      ...BAD_LINKS,
      ...MARKUP,
      ...[
        'http',
        'https',
        '://',
        ':',
        '/',
        '//',
        '@',
        '.',
        '..',
        'example.org',
        'a',
        '😀',
        'é',
        '\n',
        ' ',
        '\t',
        '"',
        "'",
      ],
      ...[
        '<',
        '>',
        '&',
        '&amp;',
        '%',
        '#',
        '?',
        '(',
        ')',
        '[',
        ']',
        '\u202e',
        '\u200b',
        '\u0000',
        '\u001b',
        'א',
        'xn--',
      ],
      ...['*', '**', '_', '`', '``', '\n```\n', '~~~', '\n> ', '\n- ', '\n  - ', '\n1. ', '\n7) ', '    ', '\\', '!['],
      ...[
        '[x](',
        '[x](https://example.org "title")',
        '](',
        '@ann',
        '@ann maria',
        '---',
        '# ',
        '===',
        '| a | b |\n|---|---|\n',
      ],
      ...['https://a.b', 'www.a.b', 'a@b.c', '[r]: https://example.org', '<https://example.org>', 'word'],
    ]
    let state = 7
    const random = (below: number) => {
      // Without imul the product is rounded, and the same texts come again after some thousands.
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state >>> 8) % below
    }
    for (let n = 0; n < 20_000; n++) {
      const text = Array.from({ length: 1 + random(12) }, () => pieces[random(pieces.length)]).join('')
      const html = messageHtml(text, { ann: 1, 'ann maria': 2 })
      assertWellFormed(html, JSON.stringify(text))
      assert.ok(isLeftOf(text, textOf(html)), `${JSON.stringify(text)} became ${html}`)
      if (!/[*_`~>[\]\\]|^\s*([-+]|\d+[.)])/m.test(text)) {
        assert.equal(textOf(html).replace(/\s/g, ''), text.replace(/\s/g, ''))
      }
    }
  })

  it('takes no time that grows out of hand, at its worst and longest @long', () => {
    // 5 ms are promised (npm run bench -- text).
    for (const text of worstTexts()) {
      assertGrowsWithLength(text, text => [messageHtml(text, { ann: 1 }), mentionedNames(text)])
      assertWellFormed(messageHtml(text, { ann: 1 }), text.slice(0, 40))
    }
  })

  it('cannot flip the text of the next message: each stands in a direction of its own', async () => {
    await ann.post(`/chats/${uri}/messages`, { message: 'turned \u202e around' })
    const { text } = await ann.get(`/chats/${uri}`)
    assert.match(text, /<div class="message__text" dir="auto"><p>[^<]*turned \u202e around/)
    assert.match(text, /<bdi[^>]*>ann<\/bdi>/)
  })

  /** Only tags that our templates make: nothing that a text brought along. */
  function assertTame(html: string, what: string) {
    assert.doesNotMatch(
      html,
      /<script>|<svg(?! class="icon)|<img(?! class="qr")|<b>|<!-- -->|<form action=\/\/|<hx-partial hx-target="body"/i,
      what,
    )
    assert.ok(!html.includes(String(7777 * 7)), what)
    for (const [tag] of html.matchAll(/<[a-z][^>]*>/gi)) {
      assert.doesNotMatch(tag.replace(/"[^"]*"|'[^']*'/g, '""'), /\son\w+\s*=/i, `${what}: ${tag}`)
    }
  }

  /** Every element is one of Markdown's, has no attribute of its writer's but a link's address, and is closed in its place. */
  function assertWellFormed(html: string, what: string) {
    const open: string[] = []
    const rest = html.replace(/<(\/?)([a-z]+)([^<>]*)>/g, (_, closing: string, name: string, attributes: string) => {
      if (closing) {
        assert.equal(attributes, '', what)
        assert.equal(open.pop(), name, `${what} became ${html}`)
      } else {
        assert.match(attributes, ELEMENTS[name] ?? /^no such element$/, `${what} became ${html}`)
        assert.ok(name !== 'a' || !open.includes('a'), `${what}: a link in a link`)
        open.push(...(name === 'br' ? [] : [name]))
        assertAddress(attributes, what)
      }
      return ''
    })
    assert.deepEqual(open, [], `${what} became ${html}`)
    assert.doesNotMatch(rest, /[<>"'\n]/, `${what} became ${html}`)
  }

  function assertAddress(attributes: string, what: string) {
    const [, href] = / href="([^"]*)"/.exec(attributes) ?? []
    if (href !== undefined) {
      const url = new URL(unescaped(href))
      assert.ok(['http:', 'https:', 'mailto:'].includes(url.protocol), `${what} became ${href}`)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      assert.doesNotMatch(href, /[\u0000-\u0020"'<>`]/, what)
    }
  }

  function textOf(html: string): string {
    return unescaped(
      html
        .replaceAll('<br>', '\n')
        .replaceAll('</p><p>', '\n\n')
        .replaceAll('&#10;', '\n')
        .replace(/<[^>]*>/g, ''),
    )
  }

  /** Whether `shown` is `typed` without some of its characters, but for spaces and line ends. */
  function isLeftOf(typed: string, shown: string): boolean {
    let at = 0
    const wanted = shown.replace(/\s/g, '')
    for (const unit of typed.split('')) {
      at += unit === wanted[at] ? 1 : 0
    }
    return at === wanted.length
  }
})

const PLAIN = /^$/
const ELEMENTS: Record<string, RegExp> = {
  ...Object.fromEntries('p br em strong code pre blockquote ul ol'.split(' ').map(name => [name, PLAIN])),
  li: /^( value="\d{1,9}")?$/,
  a: /^ href="[^"]*" target="_blank" rel="noopener noreferrer nofollow ugc"$/,
  span: /^ class="mention" data-user="\d+"$/,
}

function unescaped(html: string): string {
  return html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#96;', '`')
    .replaceAll('&#92;', '\\')
    .replaceAll('&amp;', '&')
}
