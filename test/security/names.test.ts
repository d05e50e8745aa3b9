import assert from 'node:assert/strict'
import { z } from 'zod'
import type { Refusal } from '../../src/errors.js'
import { displayName } from '../../src/http/fields.js'
import { check } from '../../src/http/input.js'

const fields = z.object({ name: displayName })
const kept = (name: unknown) => check({ name }, fields).name
const refused = (name: unknown): string => {
  try {
    kept(name)
  } catch (error) {
    return (error as Refusal).errors?.name?.join(' ') ?? ''
  }
  return ''
}

describe('names to be shown', () => {
  const names: Record<string, string> = {
    Ann: 'Ann',
    '  Ann   Lee ': 'Ann Lee',
    'O’Brien': "O'Brien",
    'Zoë St. John-Smith_2 @home +1': 'Zoë St. John-Smith_2 @home +1',
    '３０\u3000Ａｎｎ': '30 Ann',
    'Иван Петров': 'Иван Петров',
    山田太郎: '山田太郎',
    'タロウ Taro': 'タロウ Taro',
    김철수: '김철수',
    राधा: 'राधा',
    'Nguyễn Ánh': 'Nguyễn Ánh',
    أحمد: 'أحمد',
    می‌خواهم: 'می‌خواهم',
    'क्‌ष श्रीनाथ': 'क्‌ष श्रीनाथ',
    မြို့: 'မြို့',
    שָׁלוֹם: 'שָׁלוֹם',
    'ג׳ורג׳': 'ג׳ורג׳',
    'ジョン・スミス': 'ジョン・スミス',
    Gal·la: 'Gal·la',
    သီတာ: 'သီတာ',
    Arne: 'Arne',
    admiral: 'admiral',
    ['x'.repeat(50)]: 'x'.repeat(50),
    ['x\u0323\u0332'.repeat(50)]: 'x\u0323\u0332'.repeat(50).normalize('NFKC'),
  }
  for (const [typed, name] of Object.entries(names)) {
    it(`are kept: ${typed}`, () => assert.equal(kept(typed), name))
  }

  const wrong: [string, unknown, RegExp][] = [
    ['nothing', undefined, /required/],
    ['a list', ['Ann'], /Not a valid string/],
    ['only spaces', ' \u00a0\u3000', /blank/],
    ['only signs', "-_-'", /valid name/],
    ['51 characters', 'x'.repeat(51), /no more than 50/],
    ['one character of many letters', 'ᄀ'.repeat(151), /no more than 50/],
    ['a line end', 'Ann\nLee', /valid name/],
    ['a tab', 'Ann\tLee', /valid name/],
    ['a NUL', 'Ann\0', /Null/],
    ['half a character', 'Ann\ud800', /Unicode/],
    ['turned writing', 'Ann\u202eeeL', /valid name/],
    ['an isolate', '\u2066Ann', /valid name/],
    ['a zero-width space', 'An\u200bn', /valid name/],
    ['a zero-width joiner', 'An\u200dn', /valid name/],
    ['a letter that is not seen', 'Ann\u3164', /valid name/],
    ['a selector that is not seen', 'Ann\ufe0f', /valid name/],
    ['parentheses', 'Ann (guest)', /valid name/],
    ['parentheses of another width', 'Ann（guest）', /valid name/],
    ['markup', '<b>Ann</b>', /valid name/],
    ['a picture', 'Ann😀', /valid name/],
    ['a mark without a letter', '\u0301Ann', /valid name/],
    ['three marks on a letter', 'x\u0323\u0332\u0313', /two accents/],
    ['Latin and Cyrillic letters', 'Аnn', /one alphabet/],
    ...[
      'admin',
      'Administrator',
      'SYSTEM',
      'owner',
      'Moderator',
      'deleted user',
      'Deleted_User',
      ' guest',
      'g u e s t',
      'ＡＤＭＩＮ',
      'Admln'.replace('l', 'ı'),
      '0wner',
      'SYSTEM.',
      'gue·st',
    ].map((name): [string, string, RegExp] => [name, name, /reserved/]),
  ]
  for (const [what, typed, sentence] of wrong) {
    it(`are refused: ${what}`, () => assert.match(refused(typed), sentence))
  }
})
