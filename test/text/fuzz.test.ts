import assert from 'node:assert/strict'
import { domainToUnicode } from 'node:url'
import { messageHtml } from '../../src/text/markdown.js'
import { unescapeHtml } from '../../src/text/words.js'

/** FUZZED=300000 npm test -- dist/test/text/fuzz.test.js tries so many texts; SEED=2 others. */
const COUNT = Number(process.env.FUZZED ?? 4000)
let state = Number(process.env.SEED ?? 1)

const PIECES = [
  ...[
    '*',
    '**',
    '***',
    '\\',
    '\\*',
    '\\**',
    '`',
    '``',
    '```',
    '[',
    ']',
    '(',
    ')',
    '](',
    '](https://example.com)',
    '![',
    '{',
    '}',
  ],
  ...[
    '> ',
    '>',
    '- ',
    '+ ',
    '* ',
    '1. ',
    '7) ',
    '007. ',
    '\n',
    '\n\n',
    '\n> ',
    '\n- ',
    '\n+ ',
    '\n2. ',
    '\n```\n',
    '~~~',
    ' ',
    '  ',
    '\t',
  ],
  ...[
    'a',
    'word',
    '2',
    '.',
    '..',
    ',',
    ':',
    ';',
    '!',
    '?',
    '"',
    "'",
    '_',
    '~',
    '<',
    '&',
    '|',
    '/',
    '@',
    '#',
    '$',
    '%',
    '=',
    '^',
    '-',
    '+',
  ],
  ...[
    'https://',
    'http://a.example/',
    'https://example.com/a',
    'www.',
    'www.b.example',
    'mailto:',
    'c@d.example',
    'user:pw@',
    'xn--',
    ':80',
  ],
  ...[
    '[x](https://example.com/y)',
    '[b.example](https://example.com)',
    '[::1]',
    'http://',
    '例え.テスト',
    'münchen.de',
    'a.b.c',
    '%40',
  ],
  ...[
    '字',
    'の',
    '한',
    'ก',
    '「',
    '」',
    '，',
    '。',
    '（',
    '）',
    '“',
    '”',
    '…',
    '—',
    '·',
    '－',
    '．',
    '＠',
    'é',
    'е',
    'ش',
    '،',
    '؟',
    '।',
  ],
  ...[
    '🎉',
    '👨‍👩‍👧',
    '✪',
    '\u200b',
    '\u200c',
    '\u202e',
    '\u00ad',
    '\u2800',
    '\\[',
    '\\]',
    '\\`',
    '\\>',
    '\\-',
    '1\\.',
    '&lt;',
    '<b>',
    '@ann',
  ],
]

const ALLOWED =
  /<(?:\/?(?:p|blockquote|ul|ol|em|strong|code|pre)|li(?: value="\d{1,9}")?|\/li|br|a href="[^"<>`\s]*" target="_blank" rel="noopener noreferrer nofollow ugc"|\/a)>/g
const EMPTY = /<(p|blockquote|ul|ol|li|em|strong|code|pre|a)(?: [^>]*)?>(?:\s|<br>)*<\/\1>/

describe('any text', () => {
  it(`shows what was typed, but for marks and the backslashes before them: ${COUNT} texts`, function () {
    this.timeout(0)
    for (let n = 0; n < COUNT; n++) {
      const text = Array.from({ length: 1 + random(24) }, () => PIECES[random(PIECES.length)]).join('')
      const html = messageHtml(text)
      const what = `${JSON.stringify(text)} became ${html}`
      const shown = squeezed(unescapeHtml(html.replace(/<[^>]*>/g, ' ')))
      assert.ok(isLeftOf(squeezed(text), shown), what)
      assert.ok(shown !== '' || text.trim() === '', what)
      assert.doesNotMatch(html.replace(ALLOWED, ''), /[<>]/, what)
      assert.doesNotMatch(html, EMPTY, what)
      for (const [, href = ''] of html.matchAll(/href="([^"]*)"/g)) {
        assertTyped(new URL(unescapeHtml(href)), text.toLowerCase(), what)
      }
      if (!/[*`[\]>.+-]/.test(text)) {
        assert.equal(shown, squeezed(text), what)
      }
    }
  })
})

/** mulberry32: a product of numbers that is not cut to 32 bits would come round after some thousand texts. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below
}

function assertTyped({ protocol, username, password, hostname, pathname }: URL, typed: string, what: string) {
  const host = protocol === 'mailto:' ? pathname.slice(pathname.indexOf('@') + 1) : hostname
  assert.ok(['http:', 'https:', 'mailto:'].includes(protocol), what)
  assert.ok(host !== '' && (typed.includes(host) || typed.includes(domainToUnicode(host))), what)
  assert.equal(username + password, '', what)
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, '')
}

/** Whether `shown` is `typed` without some of its characters. */
function isLeftOf(typed: string, shown: string): boolean {
  let at = 0
  for (let n = 0; n < typed.length && at < shown.length; n++) {
    at += typed[n] === shown[at] ? 1 : 0
  }
  return at === shown.length
}
