import Router from '@koa/router'
import { revokeToken, revokeTokens, tokensOf } from '../db/tokens.js'
import { notFound, notSignedIn } from '../errors.js'
import { newToken, tokenCredentials } from '../http/account-schemas.js'
import { madeToken, namedToken, tokens as tokensAnswer } from '../http/answers.js'
import { passwordChanged, requireAccount, requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read, readId } from '../http/input.js'
import { tokenJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { respond } from '../http/respond.js'
import { onAccountPage, showAccount, toAccount } from './account-page.js'
import { checkCredentials } from './credentials.js'
import { makeOwnToken, makeToken } from './new-tokens.js'
import { EXACT, limit } from './scope.js'

/** Tokens for programs. A program makes one with a name and password; a user makes one on the page of their account. */
export function tokens(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>(EXACT)

  router.post(
    ['/auth/token/create', '/auth/token/login'],
    mark({
      anonymous: true,
      rate: 'tries',
      body: tokenCredentials,
      lenient: true,
      operation: {
        id: 'createToken',
        does: 'Make a token by name and password',
        who: 'anybody',
        scope: 'any',
        answers: { 200: madeToken },
        problems: ['wrong_credentials', 'password_changed', 'too_many_passwords', 'too_many_tokens'],
        example: { username: 'ann', password: 'correct horse battery', name: 'a script' },
      },
    }),
    async ctx => {
      limit(parts, ctx)
      const { username, password, ...asked } = read(ctx, tokenCredentials, 400)
      const { user, password_hash } = await checkCredentials(parts, ctx, { username, password }, 400)
      const made = await makeToken(parts, { id: user.id, password_hash }, asked, 400)
      if (!made) {
        throw passwordChanged(400)
      }
      ctx.body = { auth_token: made.auth_token }
    },
  )

  router.post(
    ['/auth/token/destroy', '/auth/token/logout'],
    mark({
      cookieless: true,
      lenient: true,
      operation: {
        id: 'destroyToken',
        does: 'Revoke the token of this request',
        who: 'user',
        scope: 'any',
        answers: { 204: null },
      },
    }),
    async ctx => {
      const user = requireUser(ctx)
      const token_id = ctx.state.identity?.token_id
      if (!token_id) {
        throw notSignedIn()
      }
      await revokeToken(db, user.id, token_id)
      live.ended(user.id)
      ctx.status = 204
    },
  )

  const listing = { does: 'List your tokens', who: 'user', scope: 'manage', answers: { 200: tokensAnswer } } as const
  const revoking = { does: 'Revoke one of your tokens', who: 'user', scope: 'manage', answers: { 204: null } } as const
  router.get('/auth/tokens', mark({ cookieless: true, operation: { id: 'listTokens', ...listing } }), list)
  router.delete('/auth/tokens/:id', mark({ cookieless: true, operation: { id: 'revokeToken', ...revoking } }), revoke)

  router.get(
    '/account/tokens',
    mark({ operation: { id: 'listAccountTokens', ...listing, does: 'List your tokens, in a session too' } }),
    list,
  )
  const revokingAll = mark({
    operation: {
      id: 'revokeTokens',
      does: 'Revoke all your tokens',
      who: 'user',
      scope: 'manage',
      answers: { 204: null },
    },
  })
  router.delete('/account/tokens', revokingAll, revokeAll)
  router.post('/account/tokens/revoke', revokingAll, revokeAll)
  const revokingOne = mark({
    operation: { id: 'revokeAccountToken', ...revoking, does: 'Revoke one of your tokens, in a session too' },
  })
  router.delete('/account/tokens/:id', revokingOne, revoke)
  router.post('/account/tokens/:id/revoke', revokingOne, revoke)

  router.post(
    '/account/tokens',
    mark({
      rate: 'tries',
      body: newToken,
      operation: {
        id: 'makeToken',
        does: 'Make a token in a session, or by one that may do as much and lasts as long',
        who: 'account',
        scope: 'manage',
        answers: { 201: namedToken },
        problems: ['signed_out', 'too_many_tokens'],
        example: { name: 'a script', scopes: ['read'] },
      },
    }),
    async ctx => {
      const user = requireAccount(ctx)
      await onAccountPage(parts, ctx, 'token', async () => {
        limit(parts, ctx)
        const made = await makeOwnToken(parts, ctx, user, read(ctx, newToken))
        // This once only: the database has a hash of the key.
        const page = () => showAccount(parts, ctx, user, { made: { name: made.name, key: made.auth_token } })
        await respond(ctx, {
          page,
          fragment: page,
          json: () => {
            ctx.status = 201
            return made
          },
        })
      })
    },
  )

  return router

  async function list(ctx: RouteContext) {
    const user = requireUser(ctx)
    await toAccount(ctx, {
      json: async () => {
        const tokens = await tokensOf(db, user.id)
        return { tokens: tokens.map(token => tokenJson(token, token.id === ctx.state.identity?.token_id)) }
      },
    })
  }

  async function revokeAll(ctx: RouteContext) {
    const user = requireUser(ctx)
    await revokeTokens(db, user.id)
    live.ended(user.id)
    await toAccount(ctx, { done: 'tokens' })
  }

  async function revoke(ctx: RouteContext) {
    const user = requireUser(ctx)
    if (!(await revokeToken(db, user.id, readId(ctx.params.id)))) {
      throw notFound()
    }
    live.ended(user.id)
    await toAccount(ctx, { done: 'token' })
  }
}
