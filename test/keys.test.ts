import assert from 'node:assert/strict'
import { randomKey } from '../src/keys.js'

describe('a random key', () => {
  it('is a new one each time, as long as it is asked for', () => {
    const keys = Array.from({ length: 10_000 }, (_, n) => randomKey(16 + (n % 17)))
    assert.equal(new Set(keys).size, keys.length)
    for (const [n, key] of keys.entries()) {
      assert.equal(Buffer.from(key, 'base64url').length, 16 + (n % 17))
    }
    // Each bit is set in about half of them.
    const bytes = Buffer.concat(keys.map(key => Buffer.from(key, 'base64url').subarray(0, 16)))
    for (let bit = 0; bit < 128; bit++) {
      const set = keys.filter((_, n) => ((bytes[n * 16 + (bit >> 3)] ?? 0) >> (bit & 7)) & 1).length
      assert.ok(set > 4500 && set < 5500, `bit ${bit} is set in ${set}`)
    }
  })
})
