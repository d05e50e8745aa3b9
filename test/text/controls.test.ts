import assert from 'node:assert/strict'
import { isBlank } from '../../src/text/characters.js'
import { asLine, withoutControls } from '../../src/text/controls.js'
import { assertGrowsWithLength } from '../support/cost.js'

describe('controls', () => {
  for (const [typed, left] of [
    ['a\n\tb', 'a\n\tb'],
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b[1;31;4mred\x1b[m', 'red'],
    ['\x9b31mred', 'red'],
    ['\x1b[?25l\x1b[2J\x1b[Hx', 'x'],
    ['\x1b]0;title\x07x', 'x'],
    ['\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x9d0;title\x9cx', 'x'],
    ['\x1bP1$r0m\x1b\\x', 'x'],
    ['\x1bcx \x1b(Bx', 'x x'],
    ['\x1b]no end', 'no end'],
    ['\x1b[12', '12'],
    ['a\x07b\x08c\x0bd\x0ce\x7ff\x85g\x1b', 'abcdefg'],
    ['日本\u200b\u202eאב👩‍👩‍👧', '日本\u200b\u202eאב👩‍👩‍👧'],
  ] as const) {
    it(`are taken out of ${JSON.stringify(typed)}`, () => assert.equal(withoutControls(typed), left))
  }

  it('and line ends and overrides of the direction are taken out of a line', () => {
    assert.equal(asLine(' a\r\n\tb\u202e\u2066c\u2028d\x1b[31m\n'), 'a bc d')
  })

  it('take no time that grows out of hand', () => {
    for (const piece of [
      '\x1b',
      '\x1b[',
      '\x1b]',
      '\x9b',
      '\x9d',
      '\x9b0',
      '\x1b]a',
      '\x9da',
      '\x1b ',
      '\x1b[0 ',
      '\x90\x9c',
    ]) {
      assertGrowsWithLength(piece.repeat(16_000 / piece.length), withoutControls)
    }
  })
})

describe('a blank text', () => {
  it('is one that shows nothing', () => {
    for (const text of [
      '',
      ' \n\t',
      '\u200b',
      '\u2060',
      '\u00ad',
      '\u2800',
      '\u3164',
      '\u115f\u1160',
      '\uffa0',
      '\u202e',
      '\ufe0f',
      '\u{e0041}',
      '\x1b\x07',
      '\u3000\u2028',
    ]) {
      assert.equal(isBlank(text), true, JSON.stringify(text))
    }
  })

  it('is not one with a character that is not assigned yet, of private use, or a mark', () => {
    for (const text of [
      'a',
      '.',
      '\u{1faff}',
      '\u{1fbff}',
      '\ue000',
      '\u0301',
      '\u200b!',
      '👍',
      '\u{3ffff}',
      '\ufffd',
    ]) {
      assert.equal(isBlank(text), false, JSON.stringify(text))
    }
  })
})
