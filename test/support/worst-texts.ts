import { LIMITS } from '../../src/config.js'

/** Texts for which a careless Markdown parser reads the same characters again and again. */
const PIECES = [
  ...['> ', '>', '- ', '1. ', '> - ', '- \t', '- =\n', '-\n', '- a\n', '- a\n\n', '1. a\n*\n', '> a\n'],
  ...[
    '*',
    '**',
    '_',
    '*a ',
    '*a*',
    '**a',
    '*a_ ',
    '*_',
    '*a**',
    '***a',
    'a*\n',
    '*[',
    '[*',
    '[***',
    '[**a**',
    '<[',
    '_*[',
  ],
  ...['[', '[[', '[a](', '](', '[]', '[x](<', '[a]("', '[a](b "', '![', '[a\\]', '\\[', '> [', '-\n['],
  ...['[a](https://a.b)', '[https://a.b](https://a.b) ', '[https://a.b](https://c.d) ', '[x](https://a.b/('],
  ...[
    '`',
    '`` ',
    '`a',
    '`[',
    '```\n',
    '```\na\n',
    '~~~\n',
    '```a',
    '\\',
    '\\*',
    '\n',
    ' \n',
    '\n\n',
    'a\n\n',
    '    a\n',
  ],
  ...['@', '@ ', '@a b c ', '@.', '@...', `@${'a'.repeat(149)} `, '@@ ', '_*@..', '@-', '@漢'],
  ...['http://', 'https://a', 'https://a.b ', 'http://a.b/(', 'http://a.b/((((', 'http://a.b/)', 'http://a.b/([{('],
  ...['https://a.b?c=d&', 'http://[::1]/', 'http://a@b@', 'https://漢.字/', '://', 'a:', 'http://a.b/...'],
  ...['http://xn--a.xn--a.xn--a.xn--a.xn--a.xn--a.xn--a.xn--a.xn--a.xn--a.xn--a_ ', 'www.xn--a.', 'www.', 'www.a\n'],
  ...[`https://${'漢字かな交じり文'.repeat(200)}/`, `[x](https://${manyLetters(1900)}/)`],
  ...['a.', 'a@', 'a.a@a.a', 'a@b.c ', 'mailto:', 'mailto:a@', 'a@xn--a.xn--a.xn--a.xn--a.xn--a ', 'aaaaa.a@'],
  ...['\ufdfa', '@\ufdfa ', '@\ufdfa.', 'a\u0315\u0300', '@a\u0315\u0300', '👩\u200d', '\u1100\u1161\u11a8', '**a*'],
  ...['mailto:a@xn--a.xn--a.xn--a.xn--a.xn--a_ ', 'xn--a.', 'a-', '-.', '😀.com', 'e\u0301', '\u202e'],
  // Asterisks that may open in brackets or beside scripts without spaces, backslashes, links that mislead, addresses that are none.
  ...[
    '(*',
    '(*a',
    '*)',
    '(*a)',
    '**字',
    '字**',
    '"*',
    '*"',
    '*.,',
    '\\*a ',
    '\\`a',
    '\\[',
    '\\[a\\](',
    '`` `',
    '🎉*',
    '*a\n',
  ],
  ...[
    '[a.com](https://a.b)',
    '[a](https://a.b)(',
    '[](',
    '](https://a.b)',
    '[*a*](https://a.b)',
    '![a](https://a.b)',
    '[`',
  ],
  ...[
    '\\**',
    '*\\*',
    '\\*字',
    '[*',
    '(*)',
    '✪/',
    '👍',
    'a\u200c',
    '漢.',
    'https://漢字',
    '- a\n-\n',
    '1. a\n1.\n',
    '```a\n',
  ],
  ...['- a\n+ b\n', '- - ', '+ ', '> a\n>\n', '>\n', '```a```\n', '````\n```\n', '* * * ', '1\\. a\n', '\\> a\n'],
  ...[
    'https://a:',
    'https://a.b:80@',
    'https://a.b._',
    'https://а.b ',
    'www.a@',
    'a.+@',
    ':a@b.c',
    'https://a.b**',
    'https://a_',
  ],
  ...['<a href="', '<![CDATA[', '&amp;', '"', '|', '#', '=\n'],
]

/** Different letters, none twice. */
function manyLetters(count: number): string {
  return Array.from({ length: count }, (_, place) => String.fromCodePoint(0x4e00 + place)).join('')
}

/** Texts of a message's maximum length. Each repeats one piece, alone or within other text. */
export function worstTexts(): string[] {
  return PIECES.flatMap(piece => {
    const many = piece.repeat(LIMITS.messageCodePoints)
    return [
      ['', ''],
      ['', ' https://example.org'],
      ['https://example.org/', ''],
      ['[', '](https://example.org)'],
      ['[', '](<https://example.org/'],
      ['`', ''],
      ['*', '*'],
      ['- ', ''],
      ['> > > > > > > > > ', ''],
      ['@', ' @a'],
    ].map(([before = '', after = '']) => {
      const middle = [...many.slice(0, 2 * LIMITS.messageCodePoints)].slice(
        0,
        LIMITS.messageCodePoints - before.length - after.length,
      )
      return before + middle.join('') + after
    })
  })
}
