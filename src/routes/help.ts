import Router from '@koa/router'
import type { Parts, State } from '../http/context.js'
import { respondPage, showPage } from '../http/respond.js'
import { EXACT } from './scope.js'

/** How everything is done, for visitors too. */
export function help(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/help', async ctx => {
    await respondPage(ctx, () => showPage(parts, ctx, 'help/show.njk', {}))
  })

  return router
}
