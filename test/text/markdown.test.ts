import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { mentionedNames, messageHtml } from '../../src/text/markdown.js'

describe('a message', () => {
  const link = (href: string, words: string) =>
    `<a href="${href}" target="_blank" rel="noopener noreferrer nofollow ugc">${words}</a>`

  for (const [text, html] of [
    [
      '*a* _b_ **c** __d__ ***e***',
      '<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <em><strong>e</strong></em></p>',
    ],
    ['snake_case_name', '<p>snake_case_name</p>'],
    ['one\ntwo\n\nthree', '<p>one<br>two</p><p>three</p>'],
    ['  drawn   with\n    spaces', '<p>  drawn   with<br>    spaces</p>'],
    ['say `a <b> *c*`', '<p>say <code>a &lt;b&gt; *c*</code></p>'],
    ['```js\nif (x)\n    y()\n```', '<pre><code>if (x)&#10;    y()</code></pre>'],
    ['```select a\nfrom b\n```', '<pre><code>select a&#10;from b</code></pre>'],
    ['> a\n> b\n\nc', '<blockquote><p>a<br>b</p></blockquote><p>c</p>'],
    ['- a\n- b\n  - c', '<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>'],
    ['7. a\n8. b', '<ol start="7"><li>a</li><li>b</li></ol>'],
    ['[words](https://example.org/a "title")', `<p>${link('https://example.org/a', 'words')}</p>`],
    [
      '**https://example.org/a_b_c**',
      `<p><strong>${link('https://example.org/a_b_c', 'https://example.org/a_b_c')}</strong></p>`,
    ],
    ['(https://example.org/a_(b)).', `<p>(${link('https://example.org/a_(b)', 'https://example.org/a_(b)')}).</p>`],
    ['www.example.org!', `<p>${link('https://www.example.org/', 'www.example.org')}!</p>`],
    ['ann@example.org', `<p>${link('mailto:ann@example.org', 'ann@example.org')}</p>`],
    ['\\*a\\* \\[b\\] \\_c\\_', '<p>*a* [b] _c_</p>'],
    ['\\\\server\\share C:\\dir', '<p>\\\\server\\share C:\\dir</p>'],
  ] as const) {
    it(`shows ${JSON.stringify(text)}`, () => {
      assert.equal(messageHtml(text), html)
    })
  }

  for (const text of [
    ...['# heading', 'heading<br>===', 'heading<br>---', '---', '* * *', '-', '1.', '&gt;', '&gt;&gt;&gt;', '```'],
    ...['| a | b |<br>|---|---|<br>| 1 | 2 |', '~~a~~', '&amp;lt;', '&lt;b&gt;a&lt;/b&gt;', 'README.md', 'ftp://a.b'],
    ...['[a](javascript:alert(1))', '[a](/login)', '[a]()', '[a](example.org)', '![a](x.png)', '[a][b]'],
  ]) {
    it(`stays as typed: ${text}`, () => {
      const typed = text
        .replaceAll('<br>', '\n')
        .replaceAll('&gt;', '>')
        .replaceAll('&lt;', '<')
        .replaceAll('&amp;', '&')
      assert.equal(messageHtml(typed), `<p>${text}</p>`)
    })
  }

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
    ['@constructor @__proto__ @toString', '<p>@constructor @<strong>proto</strong> @toString</p>'],
  ] as const) {
    it(`is found in ${JSON.stringify(text)}`, () => {
      assert.equal(shown(text), html)
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
  it('give way to later ones: however much is rendered, memory does not grow', async () => {
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
