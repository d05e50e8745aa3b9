import type { Middleware } from './context.js'

/**
 * Whether an address is for programs: it answers in JSON, errors included, and pages of other sites may call it (CORS_ORIGINS). `/api/` itself
 * is a page about them.
 */
export function isForPrograms(url: string): boolean {
  return /^\/(api\/[^?]|auth(\/|\?|$))/.test(url)
}

/**
 * Content negotiation: settles the form of the answer. It is JSON at an address for programs and for a request that asks for JSON, a
 * fragment for htmx, and a page for everybody else. `/api/chats/…` is `/chats/…` in JSON; `nouns` are those that have both addresses.
 */
export function settleForm(nouns: readonly string[]): Middleware {
  const api = new RegExp(`^/api(?=/(${nouns.join('|')})(/|$))`)
  return async (ctx, next) => {
    if (isForPrograms(ctx.path)) {
      ctx.state.form = 'json'
      ctx.path = ctx.path.replace(api, '')
    } else if (ctx.get('hx-request') === 'true') {
      ctx.state.form = 'fragment'
    } else {
      ctx.state.form = ctx.accepts('html', 'json') === 'json' ? 'json' : 'page'
    }
    ctx.set('Vary', 'Accept, HX-Request')
    await next()
  }
}
