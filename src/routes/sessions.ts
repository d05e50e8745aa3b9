import Router from '@koa/router'
import type { Parts, State } from '../context.js'
import { credentials, nextOnly, read, readQuery } from '../input.js'
import { respondPage, seeOther, showPage } from '../respond.js'
import { signIn, signOut } from '../session.js'
import { checkCredentials } from './credentials.js'
import { showFormAgain } from './forms.js'
import { EXACT } from './scope.js'

/** Signing in and out. */
export function sessions(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/login', async ctx => {
    const { next } = readQuery(ctx, nextOnly)
    await respondPage(ctx, () => showPage(parts, ctx, 'sessions/login.njk', { next, values: {}, errors: {} }))
  })

  router.post('/login', async ctx => {
    await showFormAgain(parts, ctx, 'sessions/login.njk', async () => {
      const fields = read(ctx, credentials)
      await signIn(ctx, await checkCredentials(parts, ctx, fields, 422))
      await respondPage(ctx, () => seeOther(ctx, fields.next || '/'))
    })
  })

  router.post('/logout', async ctx => {
    if (ctx.state.user) {
      signOut(ctx)
    }
    await respondPage(ctx, () => seeOther(ctx, '/'))
  })

  return router
}
