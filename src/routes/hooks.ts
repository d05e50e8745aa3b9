import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { botByHook, touchHook } from '../db/bots.js'
import { notFound } from '../errors.js'
import { postedByHook } from '../http/bot-answers.js'
import type { Parts, State } from '../http/context.js'
import { takeKey } from '../http/input.js'
import { postedJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { logFailure } from '../http/request-log.js'
import { respond } from '../http/respond.js'
import { hookMessage } from '../http/schemas.js'
import { isTokenKey, keyHash } from '../keys.js'
import { postMessage } from './posting.js'
import { EXACT, limit, tellAllowance } from './scope.js'

/** Incoming hooks: who knows the address of one posts as its bot, and learns nothing of the chat. */
export function hooks(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/hooks' })

  const posting = mark({
    anonymous: true,
    rate: 'tries',
    textBody: true,
    body: hookMessage,
    operation: {
      id: 'postByHook',
      does: 'Post as a bot by its incoming hook',
      who: 'anybody',
      scope: 'any',
      takes: ['Idempotency-Key'],
      answers: { 201: postedByHook, 200: postedByHook },
      problems: ['not_found', 'read_only', 'key_conflict', 'not_storable', 'too_many_posts', 'chat_busy'],
      example: { message: 'deploy done' },
    },
  })
  router.post('/:key', posting, async ctx => {
    limit(parts, ctx)
    const { key = '' } = ctx.params
    const bot = key.length <= LIMITS.keyBytes && isTokenKey(key) ? await botByHook(db, keyHash(key)) : undefined
    if (!bot) {
      throw notFound()
    }
    const { uri, ...user } = bot
    takeKey(ctx)
    const { message, posted } = await postMessage(parts, uri, user, ctx.state.fields ?? {}, allowance =>
      tellAllowance(ctx, allowance),
    )
    await touchHook(db, user.id).catch(error => logFailure(parts, error, 'When a hook was used last was not written'))
    const json = () => {
      const { uri: _, ...answer } = postedJson(posted, uri, user, message)
      ctx.status = posted.outcome === 'posted' ? 201 : 200
      return answer
    }
    await respond(ctx, { page: json, fragment: json, json })
  })

  return router
}
