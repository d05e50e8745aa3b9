import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { mentionedNames, messageHtml } from '../../src/text/markdown.js'
import { escapeHtml } from '../../src/text/words.js'

describe('a message', () => {
  const link = (href: string, words: string) =>
    `<a href="${href}" target="_blank" rel="noopener noreferrer nofollow ugc">${words}</a>`

  const NAMED: Record<string, [text: string, html: string][]> = {
    'emphasis from the beginning of a word to the end of one': [
      ['*a* **b** ***c***', '<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em></p>'],
      ['**a *b* c** *d **e***', '<p><strong>a <em>b</em> c</strong> <em>d <strong>e</strong></em></p>'],
      ['(*a*), "*b*"; *c*.', '<p>(<em>a</em>), &quot;<em>b</em>&quot;; <em>c</em>.</p>'],
      ["*it*’s *it*'s", '<p><em>it</em>’s <em>it</em>&#39;s</p>'],
      ['well—*yes*—no…*so*…', '<p>well—<em>yes</em>—no…<em>so</em>…</p>'],
      ['„*a*“ «*b*» ¿*c*?', '<p>„<em>a</em>“ «<em>b</em>» ¿<em>c</em>?</p>'],
      ['*مهم*، *جدا*؟', '<p><em>مهم</em>، <em>جدا</em>؟</p>'],
      ['*अच्छा*।', '<p><em>अच्छा</em>।</p>'],
      ['🎉*a*🎉', '<p>🎉<em>a</em>🎉</p>'],
      ['*great :)*', '<p><em>great :)</em></p>'],
      ['(*a* and b)', '<p>(<em>a</em> and b)</p>'],
      ['*a\nb*', '<p><em>a<br>b</em></p>'],
    ],
    'bold beside scripts without spaces, and behind punctuation': [
      ['これは**「重要」**です', '<p>これは<strong>「重要」</strong>です</p>'],
      ['使用**API**调用', '<p>使用<strong>API</strong>调用</p>'],
      ['**단어**를', '<p><strong>단어</strong>를</p>'],
      ['นี่**สำคัญ**มาก', '<p>นี่<strong>สำคัญ</strong>มาก</p>'],
      ['**Note:**text', '<p><strong>Note:</strong>text</p>'],
      ['**Really?**Yes', '<p><strong>Really?</strong>Yes</p>'],
    ],
    'backslashes where the mark behind them would have marked': [
      ['\\*a\\* \\*\\*b\\*\\* \\*c*', '<p>*a* **b** *c*</p>'],
      ['x \\*\\*not bold\\*\\* y', '<p>x **not bold** y</p>'],
      ['\\`no code\\`', '<p>`no code`</p>'],
      ['\\`a` b`', '<p>`a<code> b</code></p>'],
      ['\\[a\\](https://example.org/)', `<p>[a](${link('https://example.org/', 'https://example.org/')})</p>`],
      ['\\> no quote', '<p>&gt; no quote</p>'],
      ['a\n\\- no list\n1\\. no list', '<p>a<br>- no list<br>1. no list</p>'],
      ['`C:\\_x\\`', '<p><code>C:\\_x\\</code></p>'],
    ],
    'lines as they were typed': [
      ['one\ntwo\n\n\nthree', '<p>one<br>two</p><p>three</p>'],
      ['  drawn   with\n    spaces', '<p>  drawn   with<br>    spaces</p>'],
    ],
    code: [
      ['say `a <b> *c*`', '<p>say <code>a &lt;b&gt; *c*</code></p>'],
      ['`` a ` b `` ```c```', '<p><code>a ` b</code> <code>c</code></p>'],
      ['```js\nif (x)\n    y()\n```', '<pre><code>if (x)&#10;    y()</code></pre>'],
      ['```select a\nfrom b\n```', '<pre><code>select a&#10;from b</code></pre>'],
      ['a\n```\nb\n\nc\n```\nd', '<p>a</p><pre><code>b&#10;&#10;c</code></pre><p>d</p>'],
      ['```make\nmake install```\nb', '<pre><code>make&#10;make install</code></pre><p>b</p>'],
      ['````\n```\n````', '<pre><code>```</code></pre>'],
      ['```\na', '<pre><code>a</code></pre>'],
      ['- ```\n  a\n  ```\n- b', '<ul><li><pre><code>a</code></pre></li><li>b</li></ul>'],
    ],
    'quotes of the lines that begin with "> "': [
      ['> a\n> b\n\nc', '<blockquote><p>a<br>b</p></blockquote><p>c</p>'],
      ['> we ship on Friday\nno, on Monday', '<blockquote><p>we ship on Friday</p></blockquote><p>no, on Monday</p>'],
      ['> a\n>\n> b\nc', '<blockquote><p>a</p><p>b</p></blockquote><p>c</p>'],
      ['> > a\n> b', '<blockquote><blockquote><p>a</p></blockquote><p>b</p></blockquote>'],
      ['a\n> b\n>_< c\n>', '<p>a</p><blockquote><p>b</p></blockquote><p>&gt;_&lt; c<br>&gt;</p>'],
      ['> - a\n> - b\n> c', '<blockquote><ul><li>a</li><li>b</li></ul><p>c</p></blockquote>'],
      ['> ```\n> a\n> ```', '<blockquote><pre><code>a</code></pre></blockquote>'],
    ],
    'lists, with the numbers that were typed': [
      ['- a\n- b\n  - c\n  d', '<ul><li>a</li><li>b<ul><li>c</li></ul>d</li></ul>'],
      ['* a\n\n+ b', '<ul><li>a</li></ul><ul><li>b</li></ul>'],
      [
        '7. a\n8. b\n8. c\n0. d',
        '<ol><li value="7">a</li><li value="8">b</li><li value="8">c</li><li value="0">d</li></ol>',
      ],
      ['- milk\n- eggs\nthanks!', '<ul><li>milk</li><li>eggs</li></ul><p>thanks!</p>'],
      ['- a\n  b\n\n  c\n- d', '<ul><li><p>a<br>b</p><p>c</p></li><li><p>d</p></li></ul>'],
      ['- > a', '<ul><li><blockquote><p>a</p></blockquote></li></ul>'],
      ['- [ ] todo\n- [x] done', '<ul><li>[ ] todo</li><li>[x] done</li></ul>'],
      ['- a\n-\n- b', '<ul><li>a</li></ul><p>-</p><ul><li>b</li></ul>'],
      ['999. a\n1000. b', '<ol><li value="999">a</li></ol><p>1000. b</p>'],
      ['- -5 degrees', '<ul><li>-5 degrees</li></ul>'],
    ],
    links: [
      ['[words](https://example.org/a "title")', `<p>${link('https://example.org/a', 'words')}</p>`],
      ['[*a* `b`](https://example.org/a.)', `<p>${link('https://example.org/a.', '<em>a</em> <code>b</code>')}</p>`],
      ['[a](https://example.org/b_(c))', `<p>${link('https://example.org/b_(c)', 'a')}</p>`],
      ['[write](mailto:a@example.org)', `<p>${link('mailto:a@example.org', 'write')}</p>`],
      ['[Node.js](https://nodejs.org)', `<p>${link('https://nodejs.org/', 'Node.js')}</p>`],
      [
        '**https://example.org/a**',
        `<p><strong>${link('https://example.org/a', 'https://example.org/a')}</strong></p>`,
      ],
      ['*https://example.org/a*', `<p><em>${link('https://example.org/a', 'https://example.org/a')}</em></p>`],
      [
        '> https://example.org/a',
        `<blockquote><p>${link('https://example.org/a', 'https://example.org/a')}</p></blockquote>`,
      ],
      ['`https://example.org/a`', '<p><code>https://example.org/a</code></p>'],
      ['(https://example.org/a_(b)).', `<p>(${link('https://example.org/a_(b)', 'https://example.org/a_(b)')}).</p>`],
      ['www.example.org!', `<p>${link('https://www.example.org/', 'www.example.org')}!</p>`],
      ['ann@example.org', `<p>${link('mailto:ann@example.org', 'ann@example.org')}</p>`],
      ['[a [b](https://example.org/) c]', `<p>[a ${link('https://example.org/', 'b')} c]</p>`],
    ],
  }
  for (const [what, rows] of Object.entries(NAMED)) {
    it(`shows ${what}`, () => {
      for (const [text, html] of rows) {
        assert.equal(messageHtml(text), html, text)
      }
    })
  }

  for (const text of [
    // Paths, patterns, shells, and what else has asterisks, underscores and backslashes.
    ...[
      'C:\\_temp\\file.txt',
      '¯\\_(ツ)_/¯',
      '(\\_/)',
      '\\\\host\\share\\*.*',
      'D:\\*.log E:\\*.log',
      '\\d+\\.\\d*',
      'a\\b\\c',
    ],
    ...[
      '\\',
      '\\\\',
      '\\(x\\)',
      '\\[0-9\\]',
      '\\n\\t',
      '2\\*3',
      '\\_c\\_',
      '\\~',
      '\\#',
      'it\\*s',
      'a \\* b',
      '~/.ssh',
    ],
    ...[
      '2*3*4 = 24',
      'f(x)=a*x+b*y',
      'rm -rf build/*_old_*',
      '__init__.py and __main__',
      '_private',
      '_b_ __d__',
      'a_b_c',
    ],
    ...[
      '*test*.py',
      'ls *.c *.h',
      'src/**/*.ts and **/*.js',
      '**/*.ts **/*.js',
      '*.*',
      'SELECT *, a*b FROM t',
      'int *p, *q;',
    ],
    ...[
      '/* a b */ int x',
      '*/5 * * * *',
      '* * * * * /usr/bin/backup',
      'grep ".*foo.*" x',
      '^.*a.*b.*$',
      '2**3**4',
      'A*B*C=D',
    ],
    ...[
      'f(*args, **kwargs)',
      'print(*a, sep="*")',
      'x**2 + y**2',
      '(a)*(b)*(c)',
      '"a"*3 + "b"*4',
      '$a*b*c$',
      '138****1234',
    ],
    ...[
      'void (*f)(char*)',
      'int (*cmp)(const void*, const void*);',
      '(*p).x = (*q).y',
      '张*明和李*华',
      '5* hotel and 4* motel',
    ],
    ...['*', '**', '***', '****', '* *', '****a****', '*a', 'a*', ':-*', ':* :*', '**a**b', 'snake_case_name'],
    // What means nothing.
    ...[
      '# heading',
      'heading\n===',
      'heading\n---',
      '---',
      '* * *',
      '-',
      '1.',
      '1) a',
      '007. Bond',
      '2026. What a year',
      '2026\\. What',
      '1.5 km',
      '#1',
      '-5',
      '+1',
    ],
    ...[
      '>',
      '>>>',
      '>_<',
      '>.>',
      '->',
      '=>',
      '<3',
      '>a',
      '>> a',
      '>>> import os',
      '- - a',
      '-- \nAnn',
      '```',
      '```\n```',
      '`',
      '``',
      '`a',
    ],
    ...[
      '| a | b |\n|---|---|\n| 1 | 2 |',
      '~~a~~',
      '~~~\na\n~~~',
      '&lt;',
      '&amp;',
      '<b>a</b>',
      'README.md',
      'ftp://a.b',
      'a | b',
    ],
    ...['- old line\n+ new line\n context', '+ cheap\n- slow', '[a]', '[a](b)', '[a][b]', '[a](javascript:alert(1))'],
    ...['[a](/login)', '[a]()', '[a](example.org)', '![a](x.png)', 'git@github.com:foo/bar.git'],
  ]) {
    it(`stays as typed: ${JSON.stringify(text)}`, () => {
      assert.equal(messageHtml(text), `<p>${escapeHtml(text).replaceAll('\n', '<br>')}</p>`)
    })
  }

  it('keeps a link without words to see as typed, but the address in it', () => {
    for (const words of ['', ' ', '\u200b', '\u2800', '\u3164']) {
      assert.ok(
        messageHtml(`[${words}](https://example.org/)`).includes(
          `](${link('https://example.org/', 'https://example.org/')})`,
        ),
        words,
      )
    }
    assert.equal(
      messageHtml('![a](https://example.org/)'),
      `<p>![a](${link('https://example.org/', 'https://example.org/')})</p>`,
    )
  })

  it('keeps what is nested deeper than anyone needs as typed', () => {
    for (const mark of ['> ', '- ', '1. ', '> - ']) {
      const html = messageHtml(`${mark.repeat(300)}deep`)
      assert.match(html, /deep</)
      assert.ok(html.split(/<(?:blockquote|ul|ol)/).length <= 11)
    }
  })

  it('names both sites where a link’s words are another site’s address than it leads to', () => {
    for (const words of [
      'https://bank.example',
      'go to *https://bank.example* now',
      'www.bank.example',
      'ann@bank.example',
      'bank.example',
      'exam`ple.c`om',
    ]) {
      const html = messageHtml(`**a** ${'x [y](https://a.example) '}[${words}](https://evil.example/x) *b*`)
      assert.ok(html.includes(link('https://evil.example/x', 'https://evil.example/x')), html)
      assert.match(html, /^<p><strong>a<\/strong>.* <em>b<\/em><\/p>$/)
    }
    assert.equal(
      messageHtml('[www.bank.example](https://www.bank.example/login)'),
      `<p>${link('https://www.bank.example/login', 'www.bank.example')}</p>`,
    )
  })

  it('shows the same whether it is rendered for the first time or remembered, and other names as others', () => {
    const text = 'remember @ann'
    assert.equal(messageHtml(text), messageHtml(text))
    assert.notEqual(messageHtml(text, { ann: 1 }), messageHtml(text, { ann: 2 }))
    assert.equal(messageHtml(text), '<p>remember @ann</p>')
  })
})

describe('a mention', () => {
  const shown = (text: string, mentions: Record<string, number> = { ann: 1, 'ann maria': 2, 'o.k.': 3 }) =>
    messageHtml(text, mentions).replace(/<span class="mention" data-user="(\d+)">([^<]*)<\/span>/g, '{$1 $2}')

  for (const [text, html] of [
    ['@ann', '<p>{1 @ann}</p>'],
    ['hi @ANN, and (@Ann)! @ann: @ann’s', '<p>hi {1 @ANN}, and ({1 @Ann})! {1 @ann}: {1 @ann}’s</p>'],
    ['@ann maria! @ann marias @ann  maria', '<p>{2 @ann maria}! {1 @ann} marias {1 @ann}  maria</p>'],
    ['@ann\nmaria', '<p>{1 @ann}<br>maria</p>'],
    ['**@ann** > @o.k. @o.k', '<p><strong>{1 @ann}</strong> &gt; {3 @o.k.} @o.k</p>'],
    ['@anna bob@ann @@ann `@ann` @ ann', '<p>@anna bob@ann @@ann <code>@ann</code> @ ann</p>'],
    ['@constructor @__proto__ @toString', '<p>@constructor @__proto__ @toString</p>'],
  ] as const) {
    it(`is found in ${JSON.stringify(text)}`, () => {
      assert.equal(shown(text), html)
    })
  }

  for (const [text, html] of [
    ['@bobさん、@田中さん!', '<p>{1 @bob}さん、{2 @田中}さん!</p>'],
    ['你好@bob，＠bob再见', '<p>你好{1 @bob}，{1 ＠bob}再见</p>'],
    ['안녕@김철수님 @김철수', '<p>안녕{3 @김철수}님 {3 @김철수}</p>'],
    ['@สมชายครับ', '<p>{4 @สมชาย}ครับ</p>'],
    ['@田中太郎さん', '<p>{5 @田中太郎}さん</p>'],
    ['＠＠bob é@bob a＠bob', '<p>＠＠bob é@bob a＠bob</p>'],
    ['@bobさんbob@bob', '<p>{1 @bob}さんbob@bob</p>'],
  ] as const) {
    it(`is found where a script has no spaces: ${text}`, () => {
      assert.equal(shown(text, { bob: 1, 田中: 2, 김철수: 3, สมชาย: 4, 田中太郎: 5 }), html)
    })
  }

  it('is found however its apostrophe is written', () => {
    assert.equal(shown("@O’Neil’s and @o'neil!", { "o'neil": 5 }), '<p>{5 @O’Neil}’s and {5 @o&#39;neil}!</p>')
  })

  it('is not in a link or in fenced code', () => {
    assert.doesNotMatch(shown('[@ann](https://example.org) ann@ann.example https://example.org/@ann'), /\{/)
    assert.equal(shown('```\n@ann\n```'), '<pre><code>@ann</code></pre>')
  })

  it('is looked for behind the first twenty @s', () => {
    assert.equal(shown('@ann '.repeat(25)).split('{1 @ann}').length - 1, 20)
  })

  it('escapes the name that it shows', () => {
    assert.equal(shown('@<b> x', { '<b>': 4 }), '<p>{4 @&lt;b&gt;} x</p>')
  })

  it('offers all that may be a name to whoever knows the names', () => {
    assert.deepEqual(mentionedNames('no one'), [])
    assert.deepEqual(
      mentionedNames('Hi @Ann Maria, you!').sort(),
      ['ann', 'ann maria', 'ann maria, you', 'ann maria, you!', 'ann maria,'].sort(),
    )
    assert.deepEqual(mentionedNames('`@ann` [@bob](https://example.org) bob@example.org\n```\n@cem\n```'), [])
    assert.ok(mentionedNames(`@${'a'.repeat(151)} @${'b'.repeat(150)}`).every(name => [...name].length <= 150))
    assert.ok(mentionedNames(`@${'b'.repeat(150)}`).includes('b'.repeat(150)))
    assert.ok(mentionedNames('@a1 '.repeat(400)).length <= 20 * 15)
  })

  it('is shown for every name that was offered for it', () => {
    const text = 'see @Zoë O’Neil (@b.c.), @d/@e and **@Ω-f**…'
    for (const name of mentionedNames(text)) {
      assert.match(shown(text, { [name]: 9 }), /\{9 @/, name)
    }
  })
})

describe('the renderings that are kept', () => {
  it('give way to later ones: however much is rendered, memory does not grow @long', async () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const render = (from: number) => {
      for (let n = from; n < from + 10_000; n++) {
        messageHtml(`${n} `.padEnd(2000, 'x'))
      }
      collect()
      return process.memoryUsage().heapUsed
    }
    // 40 MB each time: what may be kept is kept after the first.
    const before = render(0)
    const grown = render(10_000) - before
    assert.ok(grown < 20_000_000, `${grown} bytes more`)
  })
})
