import type Router from '@koa/router'
import { URI } from '../db/chats.js'
import type { Middleware, Parts, State } from './context.js'
import { NOT_STORED } from './headers.js'
import { marksOfLayer } from './marks.js'
import { requestIdHeader } from './request-id.js'
import { sessionCookie } from './sessions.js'

/** The same headers as on the long way. test/live/idle.test.ts compares them. */
const HEADERS = {
  Vary: 'Accept, HX-Request',
  'Cache-Control': NOT_STORED,
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex, nofollow',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * A short way for the most frequent request by far: the poll of a page when there is nothing new. It is taken only where memory is
 * certain of everything: who asks, that they are a member, and that the chat has no later version. All other requests go the long
 * way, through the middleware that follows. For the same answer that takes four times as long.
 */
export function answerIdlePolls({ live, config, log }: Parts, router: Router<State>): Middleware {
  const route = String(router.stack.find(layer => marksOfLayer(layer).tail)?.path)
  // What the tail of a page asks for, to the letter.
  const poll = new RegExp(`^${route.replace(':uri', `(${URI})`)}\\?after=(\\d{1,15})$`)
  const cookie = new RegExp(`(?:^|;) *${sessionCookie(config.secure)}=([^;]+)`)
  return (ctx, next) => {
    const { method, url = '', headers } = ctx.req
    if (method !== 'GET' || headers['hx-request'] !== 'true' || headers.authorization !== undefined) {
      return next()
    }
    const [, uri, after] = poll.exec(url) ?? []
    const [, key] = cookie.exec(headers.cookie ?? '') ?? []
    if (!uri || !key || !live.isIdle({ kind: 'session', key }, uri, Number(after))) {
      return next()
    }
    ctx.respond = false
    const id = requestIdHeader(ctx.req)
    ctx.res.writeHead(204, { ...HEADERS, ...id }).end()
    if (log.isLevelEnabled('debug')) {
      log.debug({ method, route, status: 204 }, 'An idle poll')
    }
  }
}
