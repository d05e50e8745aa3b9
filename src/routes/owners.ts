import Router from '@koa/router'
import { handOver } from '../db/owners.js'
import { newOwner } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { redirect } from '../http/respond.js'
import { chosenUser } from '../http/schemas.js'
import { acting, chatPath, EXACT, limit, requireDone, requireOwner } from './scope.js'
import { onSettingsPage } from './settings.js'

/** Handing a chat over to another member. */
export function owners(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/owner' })
  const giving = mark({
    rate: 'changes',
    body: chosenUser,
    operation: {
      id: 'handOver',
      does: 'Hand a chat over to another member',
      who: 'owner',
      scope: 'manage',
      answers: { 200: newOwner },
      problems: ['no_such_member', 'not_oneself', 'guest_gone'],
      example: { user_id: 8 },
    },
  })
  router.put('/', giving, give)
  router.post('/', giving, give)
  return router

  async function give(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    await onSettingsPage(parts, ctx, chat, async () => {
      limit(parts, ctx)
      const { user_id } = read(ctx, chosenUser)
      const version = requireDone(parts, ctx, chat, await handOver(parts.db, acting(chat), user_id))
      await redirect(ctx, chatPath(chat.current_uri), () => ({ owner: { id: user_id }, version }))
    })
  }
}
