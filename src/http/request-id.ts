import type { IncomingMessage } from 'node:http'
import { randomKey } from '../keys.js'
import type { Context, Middleware } from './context.js'

const HEADER = 'X-Request-Id'

/**
 * Names each request by the header X-Request-Id, which its answer and its line in the log have too. Fragments have it only where it was
 * sent: an idle poll should stay short.
 */
export function nameRequests(): Middleware {
  return (ctx, next) => {
    ctx.set(nameRequest(ctx))
    return next()
  }
}

/** Names one request, and returns the header that its answer gets. */
export function nameRequest({ req, state }: Context): Record<string, string> {
  const sent = sentId(req)
  state.request = sent ?? randomKey(12)
  return sent || state.form !== 'fragment' ? { [HEADER]: state.request } : {}
}

/** The id by which a proxy or a program knows its request. One that is long, or of other signs, counts as none: it would stand in the log. */
function sentId({ headers }: IncomingMessage): string | undefined {
  const sent = headers[HEADER.toLowerCase()]
  return typeof sent === 'string' && /^[\w.:/+=-]{1,64}$/.test(sent) ? sent : undefined
}
