import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Parts, RouteContext } from '../../src/http/context.js'
import { showFragment, showPage } from '../../src/http/respond.js'
import type { FrameValues } from '../../src/http/view-values.js'
import type { Views } from '../../src/http/views.js'

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const isPart = (view: string) => /(^|\/)_/.test(view)

describe('the map of the views and their values', () => {
  const mapped = matches('src/http/view-values.ts', /^ {2}'([\w/]+\.njk)':/gm)

  it('has every file that is a page', () => {
    const files = filesUnder('views').filter(file => !isPart(file) && file !== 'layout.njk')
    assert.deepEqual(
      mapped.filter(view => !isPart(view)),
      files.sort(),
    )
  })

  it('has the parts that the code renders by themselves, and no other', () => {
    const sources = filesUnder('src').filter(file => file !== 'http/view-values.ts')
    const rendered = new Set(sources.flatMap(file => matches(`src/${file}`, /'([\w/]+\.njk)'/g)))
    assert.deepEqual(mapped, [...rendered].sort())
  })

  it('is checked when the program is compiled', () => {
    // Never called. The compiler reports a line that is expected to have an error and has none.
    const compiled = (views: Views, parts: Parts, ctx: RouteContext, frame: FrameValues) => {
      views.fragment('messages/_reply.njk', { uri: 'x', reply: null })
      // @ts-expect-error A value is missing.
      views.fragment('messages/_reply.njk', { uri: 'x' })
      // @ts-expect-error A value is of another type.
      views.fragment('messages/_reply.njk', { uri: 1, reply: null })
      // @ts-expect-error There is no such value.
      views.fragment('messages/_reply.njk', { uri: 'x', reply: null, answer: null })
      // @ts-expect-error There is no such view.
      views.fragment('messages/_answer.njk', { uri: 'x', reply: null })
      // @ts-expect-error A page is no fragment.
      showFragment(parts, ctx, 'sessions/logout.njk', {})

      views.page('resets/edit.njk', { ...frame, username: 'ann', errors: {} })
      // @ts-expect-error The values of the frame are missing.
      views.page('resets/edit.njk', { username: 'ann', errors: {} })
      showPage(parts, ctx, 'resets/edit.njk', { username: 'ann', errors: {} })
      // @ts-expect-error A value is missing.
      showPage(parts, ctx, 'resets/edit.njk', { username: 'ann' })
      // @ts-expect-error A value is of another type.
      showPage(parts, ctx, 'resets/edit.njk', { username: null, errors: {} })
      // @ts-expect-error There is no such value.
      showPage(parts, ctx, 'resets/edit.njk', { username: 'ann', errors: {}, next: '' })
    }
    assert.equal(typeof compiled, 'function')
  })
})

function filesUnder(folder: string) {
  return readdirSync(at(folder), { recursive: true, encoding: 'utf8' }).filter(name => /\.(njk|ts)$/.test(name))
}

/** What the pattern finds first in each of its matches, in order. */
function matches(path: string, pattern: RegExp): string[] {
  return [...readFileSync(at(path), 'utf8').matchAll(pattern)].map(([, found = '']) => found).sort()
}
