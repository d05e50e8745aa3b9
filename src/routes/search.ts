import Router from '@koa/router'
import type { z } from 'zod'
import { LIMITS } from '../config.js'
import type { Chat } from '../db/chats.js'
import { type Hit, SearchNotReady, SearchTooLong, searchChat, searchChats } from '../db/search.js'
import type { User } from '../db/users.js'
import { tooMany, unavailable } from '../errors.js'
import { absolute, linkTo } from '../http/address.js'
import { hits } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { keepPieces } from '../http/encodings.js'
import { asText } from '../http/fields.js'
import { againBy, listLength, readQuery } from '../http/input.js'
import { mark } from '../http/marks.js'
import { foundText } from '../http/plain-text.js'
import { userQueue } from '../http/queues.js'
import { respond } from '../http/respond.js'
import { chatSearch, searchOfAll } from '../http/schemas.js'
import { type Found, hitsInPieces, showSearch } from '../http/search-page.js'
import { mapInSlices } from '../slices.js'
import { messageWords } from '../text/preview.js'
import { parseQuery } from '../text/search-query.js'
import { snippet } from '../text/snippet.js'
import { submitForm } from './forms.js'
import { EXACT, limit, requireMember } from './scope.js'

/** What a search looks through, and how. */
interface Scope<Before> {
  user: User
  /** Null for all chats of the user. */
  chat: Chat | null
  /** Without its first slash: templates write that. */
  path: string
  query: z.ZodType<{ q: string; limit?: number | undefined; before?: Before | undefined }>
  find: (websearch: string, limit: number, before: Before | undefined) => Promise<Hit[]>
  /** The cursor at a hit, for the query's `before`. */
  cursor: (hit: Hit) => string
}

/** Finding messages in one chat, and in all chats of the user. */
export function search(parts: Parts) {
  const { db } = parts
  const queue = userQueue(LIMITS.searchesAtOnce)
  const router = new Router<State>(EXACT)

  const searching = {
    answers: { 200: hits },
    problems: ['search_too_long', 'search_not_ready'],
    example: { q: 'hello' },
  } as const
  router.get(
    '/search',
    mark({
      rate: 'searches',
      text: true,
      query: searchOfAll,
      operation: { id: 'search', does: 'Search in all your chats', who: 'user', scope: 'read', ...searching },
    }),
    async ctx => {
      const user = requireUser(ctx)
      await answer(ctx, {
        user,
        chat: null,
        path: 'search',
        query: searchOfAll,
        find: (websearch, limit, before) => searchChats(db, user.id, websearch, limit, before),
        cursor: hit => `${hit.created_micros}-${hit.chat_id}-${hit.version}`,
      })
    },
  )

  router.get(
    '/chats/:uri/search',
    mark({
      rate: 'searches',
      text: true,
      query: chatSearch,
      operation: { id: 'searchChat', does: 'Search in a chat', who: 'member', scope: 'read', ...searching },
    }),
    async ctx => {
      const chat = await requireMember(parts, ctx)
      const { user, version } = chat
      await answer(ctx, {
        user,
        chat,
        path: `chats/${chat.uri}/search`,
        query: chatSearch,
        find: (websearch, limit, before = version + 1) =>
          searchChat(db, { chat_id: chat.id, user_id: user.id }, websearch, limit, Math.min(before, version + 1)),
        cursor: hit => String(hit.version),
      })
    },
  )

  return router

  async function answer<Before>(ctx: RouteContext, scope: Scope<Before>) {
    const page = () => showForm(ctx, scope)
    await respond(ctx, {
      page,
      fragment: page,
      json: async () => {
        const { found, older } = await list(ctx, scope)
        return keepPieces(ctx, await hitsInPieces(found, older !== null))
      },
      text: async () => {
        const { found } = await list(ctx, scope)
        return foundText(found, path => absolute(parts, ctx, path))
      },
    })
  }

  async function list<Before>(ctx: RouteContext, scope: Scope<Before>) {
    const results = await look(ctx, scope, true)
    if (results.older) {
      linkTo(parts, ctx, `/api/${scope.path}/?${results.older}`, 'next')
    }
    return results
  }

  /** The form with what was found, or with the reason why the search was refused. */
  async function showForm<Before>(ctx: RouteContext, scope: Scope<Before>) {
    const { chat, path } = scope
    const { q } = ctx.query
    const values = { chat, path, q: asText(q), results: null, sentence: '' }
    if (q === undefined) {
      await showSearch(parts, ctx, values)
      return
    }
    const show = async () => showSearch(parts, ctx, { ...values, results: await look(ctx, scope, false) })
    await submitForm(parts, ctx, show, ({ message: sentence }) => showSearch(parts, ctx, { ...values, sentence }))
  }

  /** One page of hits, and the query string of the next page. A list is as long as was asked for. Throws 422, 429 or 503. */
  async function look<Before>(ctx: RouteContext, scope: Scope<Before>, isList: boolean): Promise<Found> {
    limit(parts, ctx)
    const { q, before, limit: wanted } = readQuery(ctx, scope.query)
    const asked = isList ? wanted : undefined
    const length = listLength(asked, LIMITS.hitsPerPage)
    const query = parseQuery(q)
    if (!query) {
      return { searched: false, found: [], older: null, newest: true }
    }
    const work = queue(scope.user.id, () => scope.find(query.websearch, length + 1, before))
    if (!work) {
      throw tooMany(3, 'Other searches are still under way. Please wait a moment and search again.')
    }
    const hits = await work.catch(refuseSearch)
    const shown = hits.slice(0, length)
    const last = shown.length < hits.length ? shown.at(-1) : undefined
    return {
      searched: true,
      found: await mapInSlices(shown, hit => ({ ...hit, snippet: snippet(messageWords(hit.text), query) })),
      older: last ? `${new URLSearchParams({ q, before: scope.cursor(last) })}${againBy(asked)}` : null,
      newest: before === undefined,
    }
  }
}

function refuseSearch(error: unknown): never {
  if (error instanceof SearchTooLong) {
    throw unavailable('search_too_long', 'This search takes too long. Search for rarer words, or for more of them.', 5)
  }
  if (error instanceof SearchNotReady) {
    throw unavailable(
      'search_not_ready',
      'Search is being prepared after an upgrade. Please try again in some minutes.',
      60,
    )
  }
  throw error
}
