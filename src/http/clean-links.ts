import type Router from '@koa/router'
import type { Middleware, State } from './context.js'
import { seeOther } from './respond.js'

/**
 * Redirects a page whose address ends in what does not belong to it: the dot, bracket or quote that stood behind a link in a text, a space
 * that cannot be seen, or `&fbclid=1`, which was added as if the link had a query. `-` and `_` can be part of a link. Where letters follow
 * it is another address: somebody may want a cache to take a chat for a file.
 */
export function cleanLinks(router: Router<State>): Middleware {
  return (ctx, next) => {
    if ((ctx.method !== 'GET' && ctx.method !== 'HEAD') || ctx.state.form !== 'page' || /^[\w/-]*$/.test(ctx.path)) {
      return next()
    }
    const [path = ''] = decoded(ctx.path).split('&', 1)
    const clean = /^(?:\/[\w-]+)+(?=[^\w/-]*$)/.exec(path)?.[0]
    if (clean === undefined || !router.match(clean, 'GET').route) {
      return next()
    }
    seeOther(ctx, clean + ctx.search)
    return Promise.resolve()
  }
}

/** A path that cannot be decoded stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
