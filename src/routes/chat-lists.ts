import Router from '@koa/router'
import type { z } from 'zod'
import { LIMITS } from '../config.js'
import { chatsOf, chatsWithVersions } from '../db/chats.js'
import type { User } from '../db/users.js'
import { linkTo } from '../http/address.js'
import { chats } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import { listFragment, listJsonInPieces, type StampedList, stamped } from '../http/chat-list.js'
import type { Context, Parts, RouteContext, State } from '../http/context.js'
import { keepPieces, showPieces } from '../http/encodings.js'
import { againBy, listLength, readQuery } from '../http/input.js'
import { listedChatJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { noContent, respond, seeOther } from '../http/respond.js'
import { chatsQuery, openListQuery } from '../http/schemas.js'
import { EXACT, limitLists } from './scope.js'

/** The list of the user's chats: for programs, and for pages that have it open and ask again. */
export function chatLists(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get(
    '/chats',
    mark({
      query: chatsQuery,
      operation: {
        id: 'listChats',
        does: 'List your chats, the one with the newest post first',
        who: 'user',
        scope: 'read',
        answers: { 200: chats },
        problems: ['rate_limited'],
      },
    }),
    async ctx => {
      const user = requireUser(ctx)
      await respond(ctx, {
        page: () => seeOther(ctx, '/'),
        fragment: () => showAgain(parts, ctx, user),
        json: async () => {
          const query = readQuery(ctx, chatsQuery)
          const { chats, older } = await listChats(parts, ctx, user, query, chatsWithVersions)
          if (older) {
            linkTo(parts, ctx, `/api/chats/?before=${older}${againBy(query.limit)}`, 'next')
          }
          return keepPieces(ctx, listJsonInPieces(chats.map(listedChatJson)))
        },
      })
    },
  )

  return router
}

/** For an open page: nothing where it shows the newest chats as they are. */
async function showAgain(parts: Parts, ctx: RouteContext, user: User) {
  const { have, beside = null } = readQuery(ctx, openListQuery)
  if (have !== undefined && parts.live.chatLists.isFresh(user.id, have)) {
    noContent(ctx)
    return
  }
  const list = await openList(parts, ctx, user)
  if (list.stamp === have) {
    noContent(ctx)
  } else {
    showPieces(ctx, listFragment(parts, list, beside))
  }
}

/** The same as `listChats`, for a page that asks again by the list's stamp. It is as long as pages show it. */
export async function openList(parts: Parts, ctx: Context, user: User): Promise<StampedList> {
  const askedAt = performance.now()
  const { before } = readQuery(ctx, chatsQuery)
  const list = stamped(await listChats(parts, ctx, user, { before }, chatsOf))
  if (list.newest) {
    parts.live.chatLists.keep(user.id, { stamp: list.stamp, chats: list.chats.map(({ chat }) => chat.id), askedAt })
  }
  return list
}

/** One page of the user's chats, and where the next one begins. */
async function listChats<Row extends Rows[number]>(
  parts: Parts,
  ctx: Context,
  user: User,
  { before, limit }: z.output<typeof chatsQuery>,
  find: (...args: Parameters<typeof chatsOf>) => Promise<Row[]>,
) {
  const length = listLength(limit, LIMITS.chatsPerPage)
  limitLists(parts, ctx, user)
  const rows = await find(parts.db, user.id, length + 1, before)
  const chats = rows.slice(0, length)
  const last = chats.at(-1)
  const older = rows.length > chats.length && last ? `${last.posted_micros}-${last.id}` : null
  return { chats, older, newest: before === undefined }
}

type Rows = Awaited<ReturnType<typeof chatsOf>>
