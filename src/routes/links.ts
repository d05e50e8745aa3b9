import Router from '@koa/router'
import { replaceLink } from '../db/links.js'
import { shareUrl } from '../http/address.js'
import { invitation } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { redirect } from '../http/respond.js'
import { newLink } from '../http/schemas.js'
import { randomKey } from '../keys.js'
import { acting, chatPath, EXACT, limit, requireDone, requireOwner } from './scope.js'
import { onSettingsPage, savedPath } from './settings.js'

/** Replacing a chat's link. */
export function links(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/link' })
  const replacing = mark({
    rate: 'changes',
    body: newLink,
    operation: {
      id: 'replaceLink',
      does: 'Replace the link: the old one works for members only',
      who: 'owner',
      scope: 'manage',
      answers: { 200: invitation },
      example: { expires_in: 86400 },
    },
  })
  router.put('/', replacing, replace)
  router.post('/', replacing, replace)
  return router

  async function replace(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    await onSettingsPage(parts, ctx, chat, async () => {
      limit(parts, ctx)
      const { expires_in: seconds } = read(ctx, newLink)
      const uri = randomKey(16)
      const replaced = await replaceLink(parts.db, acting(chat), { uri, seconds })
      requireDone(parts, ctx, chat, replaced)
      await redirect(ctx, savedPath(uri), () => ({
        uri,
        url: shareUrl(ctx, parts.config, chatPath(uri)),
        expires_at: replaced.expires_at,
      }))
    })
  }
}
