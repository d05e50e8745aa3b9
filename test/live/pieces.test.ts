import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { compressed, gzipOf, joined, type Piece, plainOf, stored } from '../../src/live/pieces.js'
import { randomNumbers } from '../support/random.js'

describe('pieces', () => {
  const random = randomNumbers(7)
  const below = (limit: number) => Math.floor(random() * limit)

  it('say the same in gzip as in plain, whatever they are and however they are put together', () => {
    for (let run = 0; run < 2000; run++) {
      const pieces = somePieces(below(12))
      const text = pieces.map(piece => piece.text).join('')
      assert.equal(plainOf(pieces).toString(), text)
      assert.equal(gunzipSync(gzipOf(pieces)).toString(), text)
      const cut = below(pieces.length + 1)
      const again = [joined(pieces.slice(0, cut)), joined(pieces.slice(cut))]
      assert.deepEqual(gzipOf(again), gzipOf(pieces))
      assert.equal(plainOf(again).toString(), text)
    }
  })

  it('can be longer than a block and a window', () => {
    for (const length of [65_535, 65_536, 200_000]) {
      const text = Array.from({ length }, () => String.fromCharCode(97 + below(26))).join('')
      const pieces = [stored(text), compressed(text, text), stored('ü'), compressed('')]
      assert.equal(gunzipSync(gzipOf(pieces)).toString(), `${text}${text}ü`)
    }
  })

  it('take as many bytes as their text where it is stored, whatever stands around it', () => {
    const around = compressed('<input value="secret-0001">')
    const sizes = ['secret-0001', 'secret-0002', 'xxxxxxxxxxx', '           '].map(
      secret => gzipOf([around, stored(secret), around]).length,
    )
    assert.equal(new Set(sizes).size, 1)
    assert.equal(stored('secret-0001').blocks.length, 'secret-0001'.length + 5)
  })

  it('repeat what stands before them over what they do not know', () => {
    const text = '<input type="hidden" name="csrf" value="">'
    const pieces = [compressed(text), stored('secret-1'), compressed(text, `${text}${'\0'.repeat(8)}`)]
    assert.ok((pieces[2]?.blocks.length ?? 0) < 15)
    assert.equal(gunzipSync(gzipOf(pieces)).toString(), `${text}secret-1${text}`)
  })

  it('are shorter behind a text that they repeat', () => {
    const text = 'A message like the one before it, of the same author at the same time.'
    assert.ok(compressed(text, text).blocks.length < compressed(text).blocks.length / 3)
  })

  function somePieces(count: number): Piece[] {
    const pieces: Piece[] = []
    for (let index = 0; index < count; index++) {
      const text = someText()
      const kind = below(4)
      if (kind === 0) {
        pieces.push(stored(text))
      } else if (kind === 1) {
        pieces.push(joined(somePieces(below(4))))
      } else {
        pieces.push(compressed(text, kind === 2 ? '' : pieces.at(-1)?.text))
      }
    }
    return pieces
  }

  function someText(): string {
    const words = ['<li class="message">', '</li>', 'ann', 'bob', 'ü', '👋🏽', '\n', 'مرحبا', '']
    return Array.from({ length: below(60) }, () => words[below(words.length)]).join('')
  }
})
