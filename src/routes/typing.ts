import Router from '@koa/router'
import type { Parts, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { noContent, respond, seeOther } from '../http/respond.js'
import { newTyping } from '../http/schemas.js'
import { readOnly } from './posting.js'
import { chatPath, EXACT, limit, requireMember } from './scope.js'

/** Tells the open streams of the chat that a member is typing. It is not stored, and not sent later. */
export function typing(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/typing' })

  const telling = mark({
    rate: 'typing',
    body: newTyping,
    lenient: true,
    operation: {
      id: 'tellTyping',
      does: 'Tell the readers of the chat’s streams that you are typing',
      who: 'member',
      scope: 'post',
      answers: { 204: null },
      problems: ['read_only'],
      example: { after: 1 },
    },
  })
  router.post('/', telling, async ctx => {
    const chat = await requireMember(parts, ctx)
    limit(parts, ctx)
    const { after = chat.version } = read(ctx, newTyping)
    if (chat.read_only_at !== null) {
      throw readOnly()
    }
    parts.live.typing(chat.id, { user_id: chat.user.id, name: chat.member_name ?? '', after })
    const done = () => noContent(ctx)
    await respond(ctx, { page: () => seeOther(ctx, chatPath(chat.uri)), fragment: done, json: done })
  })

  return router
}
