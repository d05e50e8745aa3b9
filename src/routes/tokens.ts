import Router from '@koa/router'
import type { Parts, State } from '../context.js'
import { createToken, revokeToken, tokensOf } from '../db/tokens.js'
import { notFound, notSignedIn } from '../errors.js'
import { credentials, read, readId } from '../input.js'
import { keyHash, randomKey } from '../keys.js'
import { requireUser } from '../session.js'
import { checkCredentials } from './credentials.js'
import { EXACT } from './scope.js'

/** Credentials for programs. These answer in JSON alone. */
export function tokens(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/auth' })

  router.post('/token/create', async ctx => {
    const user = await checkCredentials(parts, ctx, read(ctx, credentials), 400)
    const key = randomKey()
    if (await createToken(db, user.id, keyHash(key))) {
      live.ended(user.id)
    }
    ctx.body = { auth_token: key }
  })

  router.post('/token/destroy', async ctx => {
    const user = requireUser(ctx)
    const token_id = ctx.state.identity?.token_id
    if (!token_id) {
      throw notSignedIn()
    }
    await revokeToken(db, user.id, token_id)
    live.ended(user.id)
    ctx.status = 204
  })

  router.get('/tokens', async ctx => {
    const user = requireUser(ctx)
    const tokens = await tokensOf(db, user.id)
    ctx.body = { tokens: tokens.map(token => ({ ...token, current: token.id === ctx.state.identity?.token_id })) }
  })

  router.delete('/tokens/:id', async ctx => {
    const user = requireUser(ctx)
    if (!(await revokeToken(db, user.id, readId(ctx.params.id)))) {
      throw notFound()
    }
    live.ended(user.id)
    ctx.status = 204
  })

  return router
}
