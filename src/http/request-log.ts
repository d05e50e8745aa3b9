import { asRefusal, Refusal, whyNotNow } from '../errors.js'
import type { Context, Middleware, Parts } from './context.js'
import type { Outage } from './outages.js'

/** Logs a failure of work whose result no request waits for. A failure that means "not now" is logged by the outage. */
export function logFailure({ log, outage }: Pick<Parts, 'log' | 'outage'>, error: unknown, sentence: string) {
  if (whyNotNow(error) === undefined) {
    log.warn({ err: error }, sentence)
  } else {
    outage.failed(error)
    log.debug({ err: error }, sentence)
  }
}

/** Logs the cause of a failure that is answered with the visitor's form instead of an error page. */
export function logCause({ log, outage }: Parts, error: unknown) {
  if (whyNotNow(error) !== undefined) {
    outage.failed(error)
  } else if (!(error instanceof Refusal) && asRefusal(error).status >= 500) {
    log.error({ err: error }, 'The form comes back because of this')
  }
}

/**
 * One line for each request. It names the route and not the path, which would give a chat's URI away, and has nothing of the query,
 * the headers or the body. Requests that are refused during an outage are counted by it, and have their lines at level debug.
 */
export function logRequests({ log, outage, refusals }: Parts): Middleware {
  return async (ctx, next) => {
    const begun = performance.now()
    let failure: unknown
    try {
      await next()
    } catch (error) {
      failure = error
      throw error
    } finally {
      const status = failure ? asRefusal(failure).status : ctx.status
      if (failure && whyNotNow(failure) !== undefined) {
        outage.failed(failure)
      }
      if (failure && !ctx.state.marks.probe) {
        refusals.note(asRefusal(failure).code)
      }
      if (status === 503 && !ctx.state.marks.probe) {
        outage.refused()
      }
      const isFault = status >= 500 && failure instanceof Error && !(failure instanceof Refusal)
      logRequest({ log, outage }, ctx, status, begun, isFault ? { err: failure } : {})
    }
  }
}

/** The line of one request, which came at `begun` by `performance.now()`. `more` is put into it. */
export function logRequest(
  { log, outage }: Pick<Parts, 'log' | 'outage'>,
  { method, state }: Context,
  status: number,
  begun: number,
  more: object,
) {
  const level = levelOf(status, outage)
  if (log.isLevelEnabled(level)) {
    const { request, route = null, user } = state
    const ms = Math.round(performance.now() - begun)
    log[level](
      { request, method, route, status, ms, user: user?.id ?? null, ...more },
      `${method} ${route ?? '(no route)'} ${status}`,
    )
  }
}

function levelOf(status: number, outage: Outage) {
  if (status === 503) {
    return outage.lasts ? 'debug' : 'info'
  }
  return status >= 500 ? 'error' : [401, 403, 429].includes(status) ? 'info' : 'debug'
}
