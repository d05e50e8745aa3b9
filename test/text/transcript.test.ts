import assert from 'node:assert/strict'
import { dayLine, type Said, said, withDays } from '../../src/text/transcript.js'

const MESSAGE: Said = {
  version: 7,
  kind: 'message',
  actor_name: 'ann',
  actor_kind: 'account',
  id: 7,
  text: 'hello',
  created_at: new Date('2026-11-28T16:04:12Z'),
  edited_at: null,
  deleted_at: null,
  reactions: null,
  author_name: 'ann',
  author_kind: 'account',
  reply_to: null,
  reply_author_name: null,
  reply_author_kind: null,
  reply_text: null,
}

describe('a transcript', () => {
  it('says who wrote what and when, and what became of it', () => {
    assert.equal(said(MESSAGE), '16:04 ann: hello\n')
    assert.equal(said({ ...MESSAGE, author_kind: 'guest', text: 'one\ntwo' }), '16:04 ann (guest): one\n      two\n')
    const changed = { ...MESSAGE, edited_at: new Date(), reactions: { '👍': 2, '🎉': 1 } }
    assert.equal(said(changed), '16:04 ann (edited, 👍 2, 🎉 1): hello\n')
    assert.equal(said({ ...MESSAGE, text: null, deleted_at: new Date() }), '16:04 * a message of ann was deleted\n')
    const answer = {
      ...MESSAGE,
      reply_to: 3,
      reply_author_name: 'bob',
      reply_author_kind: 'account',
      reply_text: 'who\nis there?',
    }
    assert.equal(said(answer), '16:04 ann answers bob:\n      > who is there?\n      hello\n')
    assert.match(said({ ...answer, reply_author_kind: 'bot' }), /^16:04 ann answers bob \(bot\):/)
    assert.equal(said({ ...answer, reply_text: null }), '16:04 ann answers bob:\n      > (deleted)\n      hello\n')
    assert.equal(said({ ...answer, reply_text: 'x'.repeat(500) }).split('\n')[1], `      > ${'x'.repeat(120)}…`)
  })

  it('says what else happened', () => {
    assert.equal(said({ ...MESSAGE, kind: 'joined', text: null }), '16:04 * ann joined\n')
    assert.equal(said({ ...MESSAGE, kind: 'renamed', text: 'Party' }), '16:04 * ann named the chat: Party\n')
    const change = { ...MESSAGE, version: 9, actor_name: 'bob' }
    assert.equal(said({ ...change, kind: 'edited' }), '      * bob edited ann’s message of 16:04: hello\n')
    assert.match(said({ ...change, kind: 'edited', actor_kind: 'bot' }), /\* bob \(bot\) edited/)
    assert.equal(said({ ...change, kind: 'deleted', text: null }), '      * bob deleted ann’s message of 16:04\n')
    assert.equal(said({ ...change, kind: 'reacted' }), '      * bob reacted to ann’s message of 16:04\n')
  })

  it('begins each day with its name, and no day with a change of an older message', () => {
    const next = { ...MESSAGE, id: 8, version: 8, created_at: new Date('2026-11-29T00:01:00Z') }
    const change = { ...MESSAGE, version: 9, kind: 'edited' }
    const events = [MESSAGE, next, change, { ...next, id: 10, version: 10 }]
    const text = withDays(events, ['1\n', '2\n', '3\n', '4\n'])
    assert.equal(text, '\n— Saturday, 28 November 2026 —\n\n1\n\n— Sunday, 29 November 2026 —\n\n2\n3\n4\n')
    assert.equal(dayLine(MESSAGE.created_at), '\n— Saturday, 28 November 2026 —\n\n')
  })

  it('steers no terminal, and lets no text look like the next message', () => {
    const hostile = 'a\u001b[2Jb\u202ec\u2028d\r\u2067e\u0007\u009b31mf\n16:05 bob: I agree'
    const text = said({ ...MESSAGE, text: hostile, author_name: 'an\u202en\n', reply_to: 1, reply_text: hostile })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
    assert.match(text, /^16:04 ann answers somebody:\n/)
    for (const line of text.trimEnd().split('\n').slice(1)) {
      assert.match(line, /^ {6}/)
    }
  })
})
