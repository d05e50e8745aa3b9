import Router from '@koa/router'
import { CODES, FIELD_CODES } from '../codes.js'
import { absolute } from '../http/address.js'
import { type ApiDocument, apiDocument } from '../http/api-document.js'
import type { Parts, State } from '../http/context.js'
import { type Manual, manualOf } from '../http/manual.js'
import { mark } from '../http/marks.js'
import { respondPage, showPage } from '../http/respond.js'
import { EXACT } from './scope.js'

/** The API as people and programs read about it, from what stands at the routes of `all`. */
export function reference(parts: Parts, all: Router<State>, nouns: readonly string[]) {
  const router = new Router<State>(EXACT)
  // Both are made when they are first asked for: that takes some time, and all routes must be there.
  let document: ApiDocument | undefined
  let manual: Manual | undefined

  router.get('/api', async ctx => {
    document ??= apiDocument(all, nouns)
    manual ??= manualOf(document)
    const site = absolute(parts, ctx, '/').slice(0, -1)
    const values = { ...manual, site, codes: CODES, field_codes: FIELD_CODES }
    await respondPage(ctx, () => showPage(parts, ctx, 'reference/show.njk', values))
  })

  router.get('/api/openapi.json', mark({ anonymous: true }), ctx => {
    document ??= apiDocument(all, nouns)
    ctx.type = 'json'
    ctx.body = document
  })

  return router
}
