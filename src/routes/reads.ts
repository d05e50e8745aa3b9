import Router from '@koa/router'
import { markRead } from '../db/reads.js'
import { lastRead } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { noContent, respond, seeOther } from '../http/respond.js'
import { newRead } from '../http/schemas.js'
import { chatPath, EXACT, limit, requireReading } from './scope.js'

/** How far a member has read a chat. It moves forward only, and not beyond the chat's version. */
export function reads(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/read' })
  const moving = mark({
    rate: 'reads',
    body: newRead,
    operation: {
      id: 'markRead',
      does: 'Say how far you have read',
      who: 'member',
      scope: 'post',
      answers: { 200: lastRead },
      example: { version: 1 },
    },
  })
  router.put('/', moving, move)
  router.post('/', moving, move)
  return router

  async function move(ctx: RouteContext) {
    const { feed, user, uri } = await requireReading(parts, ctx)
    limit(parts, ctx)
    const { version } = read(ctx, newRead)
    const last_read = await markRead(parts.db, { chat_id: feed.chat_id, user_id: user.id }, version)
    parts.live.chatLists.changed(user.id, feed.chat_id)
    await respond(ctx, {
      page: () => seeOther(ctx, chatPath(uri)),
      fragment: () => noContent(ctx),
      json: () => ({ last_read: last_read ?? 0 }),
    })
  }
}
