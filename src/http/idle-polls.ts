import type Router from '@koa/router'
import { URI } from '../db/chats.js'
import type { Middleware, Parts, State } from './context.js'
import { NOT_STORED } from './headers.js'
import { marksOfLayer } from './marks.js'
import { sessionCookie } from './sessions.js'

/** The same as by the long way: test/live/idle.test.ts compares them. */
const HEADERS = {
  Vary: 'Accept, HX-Request',
  'Cache-Control': NOT_STORED,
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex, nofollow',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * The short way out for what is asked most by far: a page's poll when there is nothing new. It is taken only where all of it is
 * certain from memory: who asks, that they are a member, and that the chat has not moved. Everything else goes the long
 * way, through all that follows. The long way takes four times as long for the same answer.
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
    ctx.res.writeHead(204, HEADERS).end()
    if (log.isLevelEnabled('debug')) {
      log.debug({ method, route, status: 204 }, 'An idle poll')
    }
  }
}
