import Router from '@koa/router'
import { CODES, FIELD_CODES } from '../codes.js'
import { type ApiDocument, apiDocument } from '../http/api-document.js'
import type { Parts, State } from '../http/context.js'
import { mark } from '../http/marks.js'
import { respondPage, showPage } from '../http/respond.js'
import { EXACT } from './scope.js'

/** The API as people and programs read about it, from what stands at the routes of `all`. */
export function reference(parts: Parts, all: Router<State>, nouns: readonly string[]) {
  const router = new Router<State>(EXACT)
  let document: ApiDocument | undefined

  router.get('/api', async ctx => {
    await respondPage(ctx, () => showPage(parts, ctx, 'reference/show.njk', { codes: CODES, field_codes: FIELD_CODES }))
  })

  router.get('/api/openapi.json', mark({ anonymous: true }), ctx => {
    // Made when it is first asked for: it takes some time, and all routes must be there.
    document ??= apiDocument(all, nouns)
    ctx.type = 'json'
    ctx.body = document
  })

  return router
}
