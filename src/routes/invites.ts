import Router from '@koa/router'
import { shareUrl } from '../address.js'
import type { Parts, State } from '../context.js'
import { qrCode } from '../qr-code.js'
import { leadTo, respond, showPage } from '../respond.js'
import { chatPath, EXACT, requireMember } from './scope.js'

/** What members hand to those whom they want in the chat. */
export function invites(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/invite' })

  router.get('/', async ctx => {
    const chat = await requireMember(parts, ctx)
    const url = shareUrl(ctx, parts.config, chatPath(chat.uri))
    await respond(ctx, {
      page: () => showPage(parts, ctx, 'chats/invitation.njk', { chat, share_url: url, qr: qrCode(url) }),
      fragment: () => leadTo(ctx, `${chatPath(chat.uri)}/invite`),
      json: () => ({ uri: chat.uri, url, expires_at: null }),
    })
  })

  return router
}
