import assert from 'node:assert/strict'
import { domainToUnicode } from 'node:url'
import { findAddresses, linkTarget } from '../../src/text/web-addresses.js'

/** A text, what of it is a link, and where that leads where that is not the same. */
const LINKS: [text: string, ...links: (string | [typed: string, href: string])[]][] = [
  // Where the host is read to its end.
  ['https://example.com', ['https://example.com', 'https://example.com/']],
  ['https://localhost:3000', ['https://localhost:3000', 'https://localhost:3000/']],
  ['https://a.b.c.d.e.f.g.h.i.j.k.example.com/x', 'https://a.b.c.d.e.f.g.h.i.j.k.example.com/x'],
  ['https://example.com./x', 'https://example.com./x'],
  ['https://example.com.', ['https://example.com', 'https://example.com/']],
  ['https://example.com...and then', ['https://example.com', 'https://example.com/']],
  ['https://my_site.example.com/x', 'https://my_site.example.com/x'],
  ['http://[::1]:8000/a', 'http://[::1]:8000/a'],
  ['(http://[2001:db8::7])', ['http://[2001:db8::7]', 'http://[2001:db8::7]/']],
  ['https://1.2.3.4/x', 'https://1.2.3.4/x'],
  ['HTTPS://EXAMPLE.COM/A', ['HTTPS://EXAMPLE.COM/A', 'https://example.com/A']],
  ['https://example.com?q=a#b', ['https://example.com?q=a#b', 'https://example.com/?q=a#b']],
  ['https://example.com:8443#b', ['https://example.com:8443#b', 'https://example.com:8443/#b']],
  [
    'https://example.com, https://example.org!',
    ['https://example.com', 'https://example.com/'],
    ['https://example.org', 'https://example.org/'],
  ],
  ['https://example.com🎉', ['https://example.com', 'https://example.com/']],
  ['https://example.com然后', ['https://example.com', 'https://example.com/']],
  ['https://example.com에서', ['https://example.com', 'https://example.com/']],
  ['https://example.com。然后', ['https://example.com', 'https://example.com/']],
  ['https://münchen.de/straße', ['https://münchen.de/straße', 'https://xn--mnchen-3ya.de/stra%C3%9Fe']],
  ['https://例え.テスト/あ', ['https://例え.テスト/あ', 'https://xn--r8jz45g.xn--zckzah/%E3%81%82']],
  ['https://пример.рф/путь', ['https://пример.рф/путь', 'https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C']],
  ['https://bücher', ['https://bücher', 'https://xn--bcher-kva/']],
  // Hosts that were not typed, or that are not read as they look.
  ['https://foo:bar@example.com/x'],
  ['https://user@example.com/x'],
  ['https://example.com:80@evil.example/'],
  ['https://foo:b/r@example.com'],
  ['https://foo:80b@example.com'],
  ['https://example.com%40evil.example'],
  ['https://аpple.com/'],
  ['https://0x7f.1/'],
  ['https://127.1/'],
  ['https://2130706433/'],
  ['https://ｅxample.com/'],
  ['https://example．com/'],
  ['https://exa\u00admple.com/'],
  ['https://paypal.com\u200b.evil.example/'],
  ['https://example..com/'],
  ['https://example.com:99999/'],
  ['https://example.com:123456/'],
  ['https://example.comда'],
  [`https://${'a'.repeat(64)}.${'b.'.repeat(120)}com/`],
  ['https://example.com\\@evil.example', ['https://example.com', 'https://example.com/']],
  ['https://example.com/@user', 'https://example.com/@user'],
  ['https://example.com/?to=a@b.example', 'https://example.com/?to=a@b.example'],
  // Where the sentence goes on.
  ['打开https://example.com/a，然后', 'https://example.com/a'],
  ['（https://example.com/a）好', 'https://example.com/a'],
  ['http://t.cn/A《一》x', 'http://t.cn/A'],
  ['「https://example.com/a」を', 'https://example.com/a'],
  ['“https://example.com/a”', 'https://example.com/a'],
  ['„https://example.com/a“', 'https://example.com/a'],
  ['«https://example.com/a»', 'https://example.com/a'],
  ["'https://example.com/a',", 'https://example.com/a'],
  ['"https://example.com/a".', 'https://example.com/a'],
  ['https://example.com/a…', 'https://example.com/a'],
  ['https://example.com/a؟', 'https://example.com/a'],
  ['https://example.com/a،', 'https://example.com/a'],
  ['https://example.com/a।', 'https://example.com/a'],
  ['https://example.com/a։', 'https://example.com/a'],
  ['https://example.com/a።', 'https://example.com/a'],
  ['https://example.com/a။', 'https://example.com/a'],
  ['https://example.com/a。', 'https://example.com/a'],
  ['https://example.com/a—really', 'https://example.com/a'],
  ['https://example.com/a?!', 'https://example.com/a'],
  ['https://example.com/a:', 'https://example.com/a'],
  ['https://example.com/a--', 'https://example.com/a--'],
  ['https://example.com/a,b;c', 'https://example.com/a,b;c'],
  ['https://example.com/a🎉', 'https://example.com/a'],
  ['(https://example.com/a🎉)', 'https://example.com/a'],
  ['https://example.com/(✪)_a', ['https://example.com/(✪)_a', 'https://example.com/(%E2%9C%AA)_a']],
  ['https://example.com/a→b', 'https://example.com/a'],
  ['https://example.com/a\u200b b', 'https://example.com/a'],
  ['https://example.com/a\u202eb', 'https://example.com/a'],
  ['<https://example.com/a>', 'https://example.com/a'],
  ['https://example.com/a|https://example.org/', 'https://example.com/a', 'https://example.org/'],
  ['https://example.com/a\\b', 'https://example.com/a'],
  ['https://example.com/**x**', 'https://example.com/'],
  ['https://example.com/a*b*', 'https://example.com/a*b'],
  ['https://example.com/`x`', 'https://example.com/'],
  // Brackets and underscores.
  ['https://en.wikipedia.org/wiki/A_(b)', 'https://en.wikipedia.org/wiki/A_(b)'],
  ['(https://example.com/a_(b))', 'https://example.com/a_(b)'],
  ['(see https://example.com/a),then', 'https://example.com/a'],
  ['[https://example.com/a](b)', 'https://example.com/a'],
  ['{https://example.com/a}', 'https://example.com/a'],
  ['https://example.com/a(', 'https://example.com/a'],
  ['https://example.com/?a[]=1&a[]=2', 'https://example.com/?a[]=1&a[]=2'],
  ['https://en.wikipedia.org/wiki/The_Lord_of_the_Rings_', 'https://en.wikipedia.org/wiki/The_Lord_of_the_Rings_'],
  ['_https://example.com/a_', 'https://example.com/a'],
  ['_https://example.com_', ['https://example.com', 'https://example.com/']],
  ['https://example.com/~ann/', 'https://example.com/~ann/'],
  [
    'https://en.wikipedia.org/wiki/Michelson–Morley_experiment',
    [
      'https://en.wikipedia.org/wiki/Michelson–Morley_experiment',
      'https://en.wikipedia.org/wiki/Michelson%E2%80%93Morley_experiment',
    ],
  ],
  [
    'https://fa.wikipedia.org/wiki/می‌خواهم',
    [
      'https://fa.wikipedia.org/wiki/می‌خواهم',
      'https://fa.wikipedia.org/wiki/%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85',
    ],
  ],
  [
    'https://hi.wikipedia.org/wiki/हिन्दी।',
    [
      'https://hi.wikipedia.org/wiki/हिन्दी',
      'https://hi.wikipedia.org/wiki/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80',
    ],
  ],
  // Without a scheme.
  ['www.example.com/a', ['www.example.com/a', 'https://www.example.com/a']],
  ['看www.example.com。', ['www.example.com', 'https://www.example.com/']],
  ['WWW.Example.com', ['WWW.Example.com', 'https://www.example.com/']],
  ['awww.example.com'],
  ['éwww.example.com'],
  ['www.'],
  ['www...'],
  ['example.com README.md'],
  // Mail.
  ['bob@example.com.', ['bob@example.com', 'mailto:bob@example.com']],
  ['写信给bob@example.com好', ['bob@example.com', 'mailto:bob@example.com']],
  ['邮箱:bob@example.com', ['bob@example.com', 'mailto:bob@example.com']],
  ['<bob.b+c@mail.example.com>', ['bob.b+c@mail.example.com', 'mailto:bob.b+c@mail.example.com']],
  ['mailto:bob@example.com?subject=Hi%20there', 'mailto:bob@example.com?subject=Hi%20there'],
  ['(mailto:bob@example.com)', 'mailto:bob@example.com'],
  ['git@github.com:foo/bar.git'],
  ['ssh://git@github.com/a'],
  ['ann@host/path'],
  ['user:password@example.com'],
  ['@ann@site.example'],
  ['ann@example.com@example.org'],
  ['rené@example.com'],
  ['bob@exampleé.com'],
  ['a@b'],
  ['a..b@'],
  // What is none.
  ['javascript:alert(1)'],
  ['ftp://example.com'],
  ['xhttps://example.com'],
  ['http://'],
  ['https://.'],
  ['https:///example.com'],
  ['https://-'],
  ['http:example.com'],
  ['httpſ://example.com'],
]

describe('the addresses in a text', () => {
  for (const [text, ...links] of LINKS) {
    it(`are found in ${JSON.stringify(text)}`, () => {
      const found = findAddresses(text).map(({ start, end, href }) => [text.slice(start, end), href])
      assert.deepEqual(
        found,
        links.map(link => (typeof link === 'string' ? [link, link] : link)),
      )
    })
  }

  it('are found however many were found before', () => {
    // As many as it takes until the engine compiles what is called often: URL.canParse changed its mind then.
    for (let n = 0; n < 20_000; n++) {
      assert.equal(findAddresses('https://münchen.de').length, 1, `${n}`)
    }
  })

  it('lead to the host that was typed, and stand in order', () => {
    for (const [text] of LINKS) {
      let done = 0
      for (const { start, end, href } of findAddresses(`${text} ${text}`)) {
        assert.ok(start >= done)
        done = end
        const url = new URL(href)
        const host = (url.hostname || url.pathname.split('@').at(-1)) ?? ''
        const typed = text.toLowerCase()
        assert.ok(typed.includes(host) || typed.includes(domainToUnicode(host)), `${text}: ${href}`)
        assert.equal(url.username + url.password, '')
      }
    }
  })
})

describe('an address in brackets', () => {
  for (const [address, href] of [
    ['https://example.com/a.', 'https://example.com/a.'],
    ['https://example.com/a*', 'https://example.com/a*'],
    ['https://example.com/（a）', 'https://example.com/%EF%BC%88a%EF%BC%89'],
    ['mailto:bob@example.com', 'mailto:bob@example.com'],
    ['https://example.com/`a', 'https://example.com/%60a'],
  ] as const) {
    it(`is a link to its end: ${address}`, () => assert.equal(linkTarget(address), href))
  }

  for (const address of [
    ...[
      '',
      'a',
      '/a',
      'example.com',
      'javascript:alert(1)',
      'https://',
      'https://a b',
      'https://a@b',
      'https://0x7f.1',
    ],
    ...[
      'mailto:',
      'mailto:a',
      'mailto:javascript:alert(1)',
      'https:example.com',
      'https:\\\\example.com',
      'https://a\\b',
    ],
  ]) {
    it(`is none: ${address}`, () => assert.equal(linkTarget(address), undefined))
  }
})
