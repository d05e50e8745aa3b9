import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Views } from '../../src/http/views.js'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

describe('the values of the views', () => {
  it('are said of every view that is a page, and of no other but the parts that are rendered by themselves', () => {
    const map = readFileSync(at('src/http/view-values.ts'), 'utf8')
    const named = [...map.matchAll(/^ {2}'([\w/]+\.njk)':/gm)].map(([, name]) => name)
    const files = readdirSync(at('views'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.njk'))
    const pages = files.filter(name => !/(^|\/)_|^layout/.test(name))
    assert.deepEqual(named.filter(name => !/(^|\/)_/.test(name ?? '')).sort(), pages.sort())
    assert.deepEqual(
      named.filter(name => !files.includes(name ?? '')),
      [],
    )
  })

  it('are checked when the program is compiled', () => {
    const check = (views: Views) => {
      views.fragment('messages/_reply.njk', { uri: 'x', reply: null })
      // @ts-expect-error A value is missing.
      views.fragment('messages/_reply.njk', { uri: 'x' })
      // @ts-expect-error A value is of another type.
      views.fragment('messages/_reply.njk', { uri: 1, reply: null })
      // @ts-expect-error There is no such value.
      views.fragment('messages/_reply.njk', { uri: 'x', reply: null, answer: null })
      // @ts-expect-error There is no such view.
      views.fragment('messages/_answer.njk', { uri: 'x', reply: null })
    }
    assert.equal(typeof check, 'function')
  })
})
