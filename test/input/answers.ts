import assert from 'node:assert/strict'
import type { Answer } from '../support/exchange.js'

/** A refusal as a document: in the site's frame, with a sentence that says what is wrong. */
export function assertPage({ headers, text }: Pick<Answer, 'headers' | 'text'>) {
  assert.match(headers.get('content-type') ?? '', /^text\/html/)
  assert.match(text, /^\s*<!doctype html>/i)
  assert.match(text, /<header class="top">[\s\S]*<main [\s\S]*<\/main>/)
  const sentences = [
    ...text.matchAll(/<p[^>]*(?:role="alert"|class="(?:field__error|form__error|alert__sentence)")[^>]*>([^<]+)<\/p>/g),
  ]
  assert.ok(sentences.length > 0, 'no sentence on the page')
  for (const [, sentence = ''] of sentences) {
    assertSentence(sentence)
  }
}

/** A refusal for htmx: a partial that brings a sentence to #alert, as error answers are not swapped. */
export function assertAlert({ headers, text }: Pick<Answer, 'headers' | 'text'>) {
  assert.match(headers.get('content-type') ?? '', /^text\/html/)
  const [, sentence = ''] = /^\s*<hx-partial hx-target="#alert"[^>]*>\s*<p[^>]*>([^<]+)/.exec(text) ?? []
  assertSentence(sentence)
}

/** A refusal for programs, as RFC 9457 has it. */
export function assertProblem({ headers, json }: Pick<Answer, 'headers' | 'json'>, status: number) {
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
  assert.equal(json.status, status)
  for (const member of ['type', 'title', 'detail']) {
    assert.ok(typeof json[member] === 'string' && json[member] !== '', member)
  }
}

function assertSentence(sentence: string) {
  assert.match(sentence.trim(), /^\p{Lu}.*[.!?]$/su)
  assert.doesNotMatch(sentence, /invalid input|expected \w+, received|undefined|\[object/i)
}
