import Router from '@koa/router'
import type { FieldErrors } from '../errors.js'
import { newPreferences } from '../http/account-schemas.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { keepPreferences } from '../http/preferences.js'
import { redirect, respondPage, showPage } from '../http/respond.js'
import { formAgain, submitForm } from './forms.js'
import { EXACT } from './scope.js'

/** How the pages look in this browser, and what Enter does there. */
export function preferences(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/preferences' })

  router.get('/', async ctx => {
    await respondPage(ctx, () => show(ctx, {}))
  })

  router.post('/', mark({ body: newPreferences }), async ctx => {
    const keep = async () => {
      keepPreferences(parts, ctx, read(ctx, newPreferences))
      await redirect(ctx, '/preferences?saved')
    }
    await submitForm(parts, ctx, keep, refusal => show(ctx, formAgain(ctx, refusal).errors))
  })

  return router

  function show(ctx: RouteContext, errors: FieldErrors) {
    showPage(parts, ctx, 'preferences/show.njk', { saved: ctx.query.saved !== undefined, errors })
  }
}
