import Router from '@koa/router'
import { addressOf } from '../address.js'
import type { Parts, State } from '../context.js'
import { probe } from '../db/connection.js'
import { respondPage, showPage } from '../respond.js'
import { within } from '../within.js'
import { listChats } from './chats.js'
import { EXACT } from './scope.js'

/** The start page, and what machines ask a site for. */
export function start(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/', async ctx => {
    if (ctx.state.user) {
      const list = await listChats(parts, ctx, ctx.state.user)
      await respondPage(ctx, () => showPage(parts, ctx, 'start/welcome.njk', list))
    } else {
      await respondPage(ctx, () => showPage(parts, ctx, 'start/entrance.njk', { next: '', values: {}, errors: {} }))
    }
  })

  router.get('/robots.txt', ctx => {
    ctx.type = 'text'
    // Whoever may not fetch a page does not see that it says noindex, and lists its address all the same.
    ctx.body = 'User-agent: *\nDisallow:\n'
  })

  router.get('/favicon.ico', ctx => {
    ctx.redirect(parts.assets.paths.icon_svg ?? '/')
  })

  /** What a page's policy forbade, as browsers tell it: a fault of ours, or somebody's markup that got through. */
  router.post('/csp-reports', ctx => {
    const report = ctx.state.fields?.['csp-report'] as Record<string, unknown> | undefined
    const directive = report?.['effective-directive']
    parts.takeTurn('reports', addressOf(ctx), 'Enough reports.')
    if (/^[a-z-]{1,50}$/.test(String(directive))) {
      parts.log.warn({ directive }, 'A page did what its policy forbids')
    }
    ctx.status = 204
  })

  /** Answers 200 as long as the database answers, and 503 soon where it does not. */
  router.get('/up', async ctx => {
    await within(3000, probe(parts.db))
    ctx.type = 'text'
    ctx.body = 'ok\n'
  })

  return router
}
