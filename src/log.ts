import { type Logger, pino } from 'pino'
import type { Middleware, Parts } from './context.js'
import { asRefusal } from './errors.js'

/** Lines of JSON for machines; on a terminal, sentences. `to` is for tests. */
export function openLog(level: string, to?: { write(line: string): void }): Logger {
  const terminal = {
    write(line: string) {
      const { time, msg, err } = JSON.parse(line)
      const clock = new Date(time).toTimeString().slice(0, 8)
      process.stdout.write(`${clock}  ${msg}${err ? `\n${err.stack ?? err.message}` : ''}\n`)
    },
  }
  const options = { level, base: null, serializers: { err: errorLine } }
  const destination = to ?? (process.stdout.isTTY ? terminal : undefined)
  return destination ? pino(options, destination) : pino(options)
}

/** What nobody caught ends the program: what state it is in cannot be known. */
export function logCrashes(log: Logger) {
  process.on('uncaughtException', error => {
    log.fatal({ err: error }, 'The program failed')
    process.exit(1)
  })
}

/** Not the whole of an error: PostgreSQL's carry the row that did not fit, which can be somebody's message. */
function errorLine(error: Error & { code?: unknown }) {
  const { name, message, stack, code } = error
  return { name, message, stack, code }
}

/** Writes down the cause of a failure that is answered with the visitor's form rather than thrown on. */
export function logCause({ log }: Parts, error: unknown) {
  if (asRefusal(error).status >= 500) {
    log.error({ err: error }, 'The form comes back because of this')
  }
}

/**
 * One line for each request: by its route and not its path, which would give a chat's URI away; nothing of its query, its
 * headers or its body.
 */
export function logRequests({ log }: Parts): Middleware {
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
      const level = status >= 500 ? 'error' : [401, 403, 429].includes(status) ? 'info' : 'debug'
      const route = (ctx as { _matchedRoute?: string })._matchedRoute ?? null
      const line = {
        method: ctx.method,
        route,
        status,
        ms: Math.round(performance.now() - begun),
        user: ctx.state.user?.id ?? null,
        ...(status >= 500 && failure instanceof Error ? { err: failure } : {}),
      }
      log[level](line, `${ctx.method} ${route ?? '(no route)'} ${status}`)
    }
  }
}
