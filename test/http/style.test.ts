import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { loadAssets } from '../../src/http/assets.js'

describe('the style sheet', () => {
  let body: string
  let size: number

  before(async () => {
    const { paths, files } = await loadAssets()
    const asset = files.get(paths.app_css ?? '')
    body = asset?.body.toString() ?? ''
    size = asset?.br.length ?? 0
  })

  it('is one file of 10 kB at most', () => {
    assert.doesNotMatch(body, /@import/)
    assert.ok(size > 1000 && size <= 10_000, `${size}`)
  })

  it('has no nesting, which the oldest browsers do not know', () => {
    assert.doesNotMatch(body, /&/)
  })

  it('has another colour for each that is mixed, which they do not know either', () => {
    const mixed = [...body.matchAll(/([\w-]+):([^;{}]*)color-mix/g)]
    assert.ok(mixed.length > 0)
    for (const { 1: property, 2: before = '', index } of mixed) {
      const declared = body.slice(body.lastIndexOf('{', index) + 1, index).split(';')
      // What comes out of a variable is judged when it is used: a text whose colour is no colour has that of the text around it.
      const isInherited = property === 'color' && before.includes('var(')
      assert.ok(isInherited || declared.some(one => one.startsWith(`${property}:`)), body.slice(index, index + 60))
    }
  })
})

describe('the script of ours', () => {
  it('that pages wait for is 8 kB at most', () => {
    const size = compressed('app.js')
    assert.ok(size > 1000 && size <= 8192, `${size}`)
  })

  it('that is loaded later is 8 kB at most', () => {
    const size = compressed('extras.js')
    assert.ok(size > 1000 && size <= 8192, `${size}`)
  })
})

/** Without htmx, which stands before it in the file that is served. */
function compressed(name: string): number {
  return brotliCompressSync(readFileSync(fileURLToPath(new URL(`../../static/${name}`, import.meta.url)))).length
}
