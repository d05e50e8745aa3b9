import Router from '@koa/router'
import { shareUrl } from '../http/address.js'
import type { Parts, State } from '../http/context.js'
import { qrCode } from '../http/qr-code.js'
import { leadTo, respond, showPage } from '../http/respond.js'
import { chatPath, EXACT, requireMember } from './scope.js'

/** The chat's link as members hand it on: a URL and a QR code. */
export function invites(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/invite' })

  router.get('/', async ctx => {
    const chat = await requireMember(parts, ctx)
    // An open page may still have the chat's old link.
    const { current_uri: uri, expires_at } = chat
    const url = shareUrl(ctx, parts.config, chatPath(uri))
    await respond(ctx, {
      page: () => showPage(parts, ctx, 'chats/invitation.njk', { chat, share_url: url, qr: qrCode(url) }),
      fragment: () => leadTo(ctx, `${chatPath(uri)}/invite`),
      json: () => ({ uri, url, expires_at }),
    })
  })

  return router
}
