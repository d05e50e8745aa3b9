import Router from '@koa/router'
import { CODES, FIELD_CODES } from '../codes.js'
import { absolute } from '../http/address.js'
import { type ApiDocument, apiDocument } from '../http/api-document.js'
import { requireAccount } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { type Manual, manualOf } from '../http/manual.js'
import { mark } from '../http/marks.js'
import { respondPage, showPage } from '../http/respond.js'
import { makeOwnToken } from './new-tokens.js'
import { EXACT, limit } from './scope.js'

/** How long the token lasts that is made for the lines on the page, in milliseconds. */
const LINES_LAST = 86_400_000

/** The API as people and programs read about it, from what stands at the routes of `all`. */
export function reference(parts: Parts, all: Router<State>, nouns: readonly string[]) {
  const router = new Router<State>(EXACT)
  // Both are made when they are first asked for: that takes some time, and all routes must be there.
  let document: ApiDocument | undefined
  let manual: Manual | undefined

  router.get('/api', ctx => show(ctx, null))

  router.post('/api', mark({ rate: 'tries' }), async ctx => {
    const user = requireAccount(ctx)
    limit(parts, ctx)
    const expires_at = new Date(Date.now() + LINES_LAST)
    const { auth_token } = await makeOwnToken(parts, ctx, user, { name: '', scopes: ['read'], chat: '', expires_at })
    await show(ctx, auth_token)
  })

  router.get('/api/openapi.json', mark({ anonymous: true }), ctx => {
    document ??= apiDocument(all, nouns)
    ctx.type = 'json'
    ctx.body = document
  })

  return router

  /** `token`: for the lines, shown this once. */
  async function show(ctx: RouteContext, token: string | null) {
    document ??= apiDocument(all, nouns)
    manual ??= manualOf(document)
    const site = absolute(parts, ctx, '/').slice(0, -1)
    const values = { ...manual, site, token, codes: CODES, field_codes: FIELD_CODES }
    await respondPage(ctx, () => showPage(parts, ctx, 'reference/show.njk', values))
  }
}
