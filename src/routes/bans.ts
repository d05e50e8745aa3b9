import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { bansOf, liftBan } from '../db/bans.js'
import { linkTo } from '../http/address.js'
import { banList } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { readId, readQuery } from '../http/input.js'
import { banJson, listJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect, respond, showPage } from '../http/respond.js'
import { bansQuery } from '../http/schemas.js'
import { fill } from '../slices.js'
import { acting, chatPath, EXACT, limitLists, type MemberChat, requireDone, requireOwner } from './scope.js'

/** The people who are banned from a chat. */
export function bans(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/bans' })

  const listing = mark({
    query: bansQuery,
    operation: {
      id: 'listBans',
      does: 'List who is banned',
      who: 'owner',
      scope: 'read',
      answers: { 200: banList },
      problems: ['rate_limited'],
    },
  })
  router.get('/', listing, async ctx => {
    const chat = await requireOwner(parts, ctx)
    const { after, limit = LIMITS.bansPerPage } = readQuery(ctx, bansQuery)
    limitLists(parts, ctx, chat.user)
    await respond(ctx, {
      page: () => show(ctx, chat, Math.min(limit, LIMITS.bansPerPage), after),
      fragment: () => show(ctx, chat, Math.min(limit, LIMITS.bansPerPage), after),
      json: async () => {
        const rows = await bansOf(parts.db, chat.id, limit + 1, after)
        const { items, texts } = await fill(rows.slice(0, limit), LIMITS.listBytes, ban => JSON.stringify(banJson(ban)))
        const more = items.length < rows.length
        if (more) {
          linkTo(parts, ctx, `/api${chatPath(chat.uri)}/bans/?after=${items.at(-1)?.id}&limit=${limit}`, 'next')
        }
        return listJson({ more }, 'bans', texts)
      },
    })
  })

  const lifting = mark({
    operation: {
      id: 'liftBan',
      does: 'Let somebody come back',
      who: 'owner',
      scope: 'manage',
      answers: { 204: null },
      problems: ['no_such_member'],
    },
  })
  router.delete('/:id', lifting, lift)
  router.post('/:id/removal', lifting, lift)
  return router

  async function show(ctx: RouteContext, chat: MemberChat, limit: number, after: number | undefined) {
    const rows = await bansOf(parts.db, chat.id, limit + 1, after)
    const bans = rows.slice(0, limit)
    const more_after = rows.length > limit ? (bans.at(-1)?.id ?? null) : null
    showPage(parts, ctx, 'bans/index.njk', { chat, bans, more_after, limit })
  }

  async function lift(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    const id = readId(ctx.params.id)
    requireDone(parts, ctx, chat, await liftBan(parts.db, acting(chat), id))
    await redirect(ctx, `${chatPath(chat.uri)}/bans`)
  }
}
