import Router from '@koa/router'
import { notFound, Refusal } from '../errors.js'
import type { Middleware, Parts, State } from '../http/context.js'
import { remembering } from '../remembering.js'
import { account } from './account.js'
import { allChats } from './all-chats.js'
import { bans } from './bans.js'
import { botKeys } from './bot-keys.js'
import { bots } from './bots.js'
import { chatLists } from './chat-lists.js'
import { chats } from './chats.js'
import { exports } from './exports.js'
import { guests } from './guests.js'
import { help } from './help.js'
import { hooks } from './hooks.js'
import { imports } from './imports.js'
import { invites } from './invites.js'
import { links } from './links.js'
import { live } from './live.js'
import { members } from './members.js'
import { messages } from './messages.js'
import { owners } from './owners.js'
import { permalinks } from './permalinks.js'
import { preferences } from './preferences.js'
import { reads } from './reads.js'
import { reference } from './reference.js'
import { resets } from './resets.js'
import { EXACT } from './scope.js'
import { search } from './search.js'
import { sessions } from './sessions.js'
import { settings } from './settings.js'
import { start } from './start.js'
import { tickets } from './tickets.js'
import { tokens } from './tokens.js'
import { typing } from './typing.js'
import { users } from './users.js'
import { wellKnown } from './well-known.js'

/** The first parts of paths that exist under /api as well, in JSON. */
export const API = ['chats', 'guests', 'account', 'search', 'live', 'events', 'tickets', 'imports']

/** The table of routes. */
export function routerOf(parts: Parts): Router<State> {
  const router = new Router<State>(EXACT)
  for (const noun of [
    start,
    users,
    sessions,
    account,
    preferences,
    help,
    resets,
    tokens,
    tickets,
    chatLists,
    chats,
    invites,
    guests,
    members,
    settings,
    links,
    owners,
    bans,
    bots,
    botKeys,
    hooks,
    messages,
    permalinks,
    search,
    reads,
    typing,
    live,
    wellKnown,
    allChats,
    exports,
    imports,
  ]) {
    router.use(noun(parts).routes())
  }
  router.use(reference(parts, router, API).routes())
  // Each request asks twice for its route. To try all of them each time was 7 % of a post, and most requests are for a few chats.
  const match = router.match.bind(router)
  const known = remembering(10_000, (_request: string, path: string, method: string) => match(path, method))
  router.match = (path, method) => known(`${method} ${path}`, path, method)
  return router
}

/** Answers what no route takes: 405 if the path exists with other methods, else 404. */
export function refuseMethod(router: Router<State>): Middleware {
  return ctx => {
    const allowed = new Set(router.match(ctx.path, ctx.method).path.flatMap(layer => layer.methods))
    if (allowed.size === 0) {
      throw notFound()
    }
    allowed.add('OPTIONS')
    ctx.set('Allow', [...allowed].join(', '))
    if (ctx.method === 'OPTIONS') {
      ctx.status = 204
      return
    }
    throw new Refusal('method_not_allowed', `Method "${ctx.method}" not allowed.`)
  }
}
