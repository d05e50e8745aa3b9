import assert from 'node:assert/strict'
import { isEmojiAlone } from '../../src/text/emoji.js'

describe('a message of emoji alone', () => {
  for (const text of [
    ...[
      '🎉',
      '👍👍',
      '👍 👍 👍',
      ' ❤️ ',
      '❤',
      '☺️',
      '🇩🇪',
      '🇩🇪🇫🇷🇯🇵',
      '👩‍👩‍👧‍👦',
      '👩🏽‍❤️‍💋‍👨🏿',
      '👍🏽',
      '👨‍🦰',
      '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
      '1️⃣',
      '#️⃣',
      '©️',
      '🏳️‍🌈🏴‍☠️🫱🏻‍🫲🏿',
    ],
    // Not assigned yet: reserved for emoji to come.
    '\u{1faf9}',
  ]) {
    it(`is ${JSON.stringify(text)}`, () => {
      assert.equal(isEmojiAlone(text), true)
    })
  }

  for (const text of [
    ...['', ' ', 'a', '🎉a', 'ok 👍', '👍👍👍👍', '1', '123', '#', '*', '©', '™', '‼', ':)', '🎉\n🎉', '`🎉`', '> 🎉'],
    // Half a flag, a picture that is to be shown as text, and marks heaped on one.
    ...['🇩', '🇩🇪🇫', '❤︎', '👍\u0301', '\u200d', '👩\u200d', '\ufe0f', '🎉\u202e', `${'👩\u200d'.repeat(20)}👩`],
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(isEmojiAlone(text), false)
    })
  }
})
