import type { IncomingMessage } from 'node:http'
import { randomKey } from '../keys.js'
import type { Middleware } from './context.js'

const HEADER = 'X-Request-Id'

/**
 * Names each request by the header X-Request-Id, which its answer and its line in the log have too. Fragments have it only where it was
 * sent: an idle poll should stay short.
 */
export function nameRequests(): Middleware {
  return (ctx, next) => {
    const sent = sentId(ctx.req)
    ctx.state.request = sent ?? randomKey(12)
    if (sent || ctx.state.form !== 'fragment') {
      ctx.set(HEADER, ctx.state.request)
    }
    return next()
  }
}

/** The id by which a proxy or a program knows its request. One that is long, or of other signs, counts as none: it would stand in the log. */
function sentId({ headers }: IncomingMessage): string | undefined {
  const sent = headers[HEADER.toLowerCase()]
  return typeof sent === 'string' && /^[\w.:/+=-]{1,64}$/.test(sent) ? sent : undefined
}

/** The same header for an answer on the short way of idle polls. */
export function requestIdHeader(request: IncomingMessage): Record<string, string> {
  const id = sentId(request)
  return id ? { [HEADER]: id } : {}
}
