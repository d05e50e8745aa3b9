import assert from 'node:assert/strict'
import { z } from 'zod'
import type { Refusal } from '../../src/errors.js'
import { message, safePath, titleText, tokenName } from '../../src/http/fields.js'
import { check } from '../../src/http/input.js'

const FIELDS = z.object({ message, title: titleText, token: tokenName }).partial()
type Field = keyof z.infer<typeof FIELDS>

const kept = (field: Field, typed: string) => check({ [field]: typed }, FIELDS)[field]
const refused = (field: Field, typed: string) => {
  try {
    kept(field, typed)
  } catch (error) {
    return (error as Refusal).errors?.[field]?.join(' ')
  }
  return undefined
}

describe('a path to go on to', () => {
  it('may have letters such as ü, however many were read before', () => {
    for (let count = 0; count < 20_000; count++) {
      assert.equal(safePath(`/search?q=f${count}ür`), `/search?q=f${count}%C3%BCr`)
    }
  })
})

describe('what is typed', () => {
  it('is kept but for the controls in it', () => {
    assert.equal(kept('message', '\r\n a\u200b\x1b[31m\x07\r\n\tb\r\n '), ' a\u200b\n\tb')
    for (const field of ['title', 'token'] as const) {
      assert.equal(kept(field, ' Plan\x1b]0;x\x07\n\tB\u202e '), 'Plan B')
      assert.equal(kept(field, ' '), '')
    }
  })

  it('is refused where it shows nothing', () => {
    for (const typed of ['\u200b', '\u2060\n\u00ad', '\u2800', '\u3164', '\x1b[31m', '\ufe0f\u200d', '\x07']) {
      for (const field of ['message', 'title', 'token'] as const) {
        assert.equal(refused(field, typed), 'This field may not be blank.', `${field} ${JSON.stringify(typed)}`)
      }
    }
    assert.equal(refused('message', ' \n'), 'This field may not be blank.')
  })

  it('is counted without its controls', () => {
    assert.equal(kept('message', `${'\x1b[0m'.repeat(2000)}${'x'.repeat(2000)}`)?.length, 2000)
    assert.match(refused('message', 'x'.repeat(2001)) ?? '', /no more than 2000/)
  })
})
