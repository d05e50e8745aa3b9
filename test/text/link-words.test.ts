import assert from 'node:assert/strict'
import { namesAnotherHost } from '../../src/text/link-words.js'

describe('the words of a link', () => {
  for (const [words, href] of [
    ['here', 'https://example.com/'],
    ['Node.js', 'https://nodejs.org/'],
    ['version 8.0 and v2.10.3', 'https://example.com/'],
    ['README.md', 'https://example.org/b/README.md'],
    ['readme.MD', 'https://example.org/b/README.md'],
    ['naïve.app', 'https://example.org/na%C3%AFve.app'],
    ['example.com', 'https://www.example.com/a'],
    ['www.example.com', 'https://example.com/a'],
    ['https://example.com/b', 'https://example.com/a'],
    ['EXAMPLE.com.', 'https://example.com/a'],
    ['münchen.de', 'https://xn--mnchen-3ya.de/'],
    ['bob@example.com', 'mailto:bob@example.com'],
    ['1.2.3', 'https://example.com/releases/1.2.3'],
    ['e.g. this', 'https://example.com/'],
    ['...', 'https://example.com/'],
    ['a..b', 'https://example.com/'],
  ] as const) {
    it(`may be ${JSON.stringify(words)} for ${href}`, () => assert.equal(namesAnotherHost(words, href), false))
  }

  for (const words of [
    ...['example.com', 'www.example.com', 'https://bank.example', 'log in at Example.COM now', '“example.com”'],
    ...[
      'ｅxample.com',
      'example。com',
      'example․com',
      'exam\u00adple.com',
      'example.com\u200b',
      'example.com.',
      'example.com/a',
    ],
    ...[
      'ann@bank.example',
      'mailto:ann@bank.example',
      'münchen.de',
      '例え.みんな',
      '192.168.1.1',
      'evil.example.com',
      'bank.example',
    ],
  ]) {
    it(`may not be ${JSON.stringify(words)} for another host`, () => {
      assert.equal(namesAnotherHost(words, 'https://evil.example/x'), true)
    })
  }
})
