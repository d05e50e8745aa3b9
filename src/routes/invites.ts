import Router from '@koa/router'
import { notFound } from '../errors.js'
import { shareUrl } from '../http/address.js'
import { invitation } from '../http/answers.js'
import type { Parts, State } from '../http/context.js'
import { mark } from '../http/marks.js'
import { hasQrCode, qrCode } from '../http/qr-code.js'
import { leadTo, respond, showPage } from '../http/respond.js'
import { chatPath, EXACT, requireMember } from './scope.js'

/** The chat's link as members hand it on: a URL and a QR code. */
export function invites(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/invite' })

  const getting = mark({
    operation: {
      id: 'getInvitation',
      does: 'The URL to share',
      who: 'member',
      scope: 'read',
      answers: { 200: invitation },
    },
  })
  router.get('/', getting, async ctx => {
    const chat = await requireMember(parts, ctx)
    // An open page may still have the chat's old link.
    const { current_uri: uri, expires_at } = chat
    const url = shareUrl(ctx, parts.config, chatPath(uri))
    await respond(ctx, {
      page: () => showPage(parts, ctx, 'chats/invitation.njk', { chat, share_url: url, has_code: hasQrCode(url) }),
      fragment: () => leadTo(ctx, `${chatPath(uri)}/invite`),
      json: () => ({ uri, url, expires_at }),
    })
  })

  /** The code as an image. It names the link, so it ends with it. */
  router.get('/code.svg', mark({ forPages: true }), async ctx => {
    const { current_uri } = await requireMember(parts, ctx)
    const code = qrCode(shareUrl(ctx, parts.config, chatPath(current_uri)))
    if (code === undefined) {
      throw notFound()
    }
    ctx.type = 'svg'
    ctx.body = code
  })

  return router
}
