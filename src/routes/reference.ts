import Router from '@koa/router'
import { CODES, FIELD_CODES } from '../codes.js'
import type { Parts, State } from '../http/context.js'
import { respondPage, showPage } from '../http/respond.js'
import { EXACT } from './scope.js'

/** The API as people read about it. */
export function reference(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/api', async ctx => {
    await respondPage(ctx, () => showPage(parts, ctx, 'reference/show.njk', { codes: CODES, field_codes: FIELD_CODES }))
  })

  return router
}
