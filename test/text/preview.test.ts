import assert from 'node:assert/strict'
import { messageWords, preview } from '../../src/text/preview.js'

describe('a message in plain words', () => {
  for (const [text, words] of [
    ['**Hi** *you*, see `a<b>` & [this](https://example.org)', 'Hi you, see a<b> & this'],
    ['> quoted\n> twice\n\nmine', 'quoted twice mine'],
    ['- milk\n- eggs\n\n3. three\n4. four', 'milk eggs 3. three 4. four'],
    ['```js\nif (x)\n    y()\n```\nno', 'if (x) y() no'],
    ['one\ntwo\n\nthree', 'one two three'],
    ['  drawn   with\n    spaces ', 'drawn with spaces'],
    ['&lt; &#10; &amp;amp; "\'', '&lt; &#10; &amp;amp; "\''],
    ['\\*as typed\\* C:\\_x 2*3*4', '*as typed* C:\\_x 2*3*4'],
    ['日本**「重要」**\n語', '日本「重要」 語'],
  ] as const) {
    it(`has no marks: ${JSON.stringify(text)}`, () => assert.equal(messageWords(text), words))
  }

  it('is cut between graphemes', () => {
    const [flag, family] = ['🇩🇪', '👨‍👩‍👧‍👦']
    const [flagged, joined] = ['x'.repeat(119) + flag, 'x'.repeat(118) + family]
    assert.equal(preview(flagged), flagged)
    assert.equal(preview(`${flagged}y`), `${flagged}…`)
    assert.equal(preview(`${joined}yz`), `${joined}y…`)
    assert.equal(preview(family.repeat(121)), `${family.repeat(120)}…`)
    assert.equal(preview('x'.repeat(120)), 'x'.repeat(120))
    assert.equal(preview('x'.repeat(121)), `${'x'.repeat(120)}…`)
    // A sign that belongs to the letter before it.
    assert.equal(preview(`${'x'.repeat(120)}\u0301`), `${'x'.repeat(120)}\u0301`)
    assert.equal(preview(`${'x'.repeat(120)}\u0301y`), `${'x'.repeat(120)}\u0301…`)
    assert.equal(preview(`**${'x'.repeat(120)}** `), 'x'.repeat(120))
  })
})
