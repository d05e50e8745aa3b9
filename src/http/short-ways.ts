import type Router from '@koa/router'
import { URI } from '../db/chats.js'
import { isPoll, wasLongUnused } from './authentication.js'
import type { Answer, Context, Marks, Middleware, Parts, ShortWay, State } from './context.js'
import { shownForm, VARY } from './form.js'
import { headersOf, NOT_EMBEDDED, NOT_STORED } from './headers.js'
import { marksOfLayer } from './marks.js'
import { nameRequest } from './request-id.js'
import { logRequest } from './request-log.js'
import { sentSession } from './sessions.js'

/** A short way with the route that it is for. */
interface Way {
  short: ShortWay
  route: string
  marks: Marks
  url: RegExp
  /** The headers of an answer, in the form that is sent fastest, by those that the route gives it. */
  headers: (own: Answer['headers']) => readonly string[]
}

/**
 * Answers what memory is certain of: who asks, that they are a member, and what they would get. Those are the most frequent requests by
 * far: polls without news, and pages that are opened again. All other requests go the long way, through the middleware that follows, and
 * so does one whose short way throws. The answers are the same (test/live/short-ways.test.ts).
 */
export function answerFromMemory(parts: Parts, router: Router<State>): Middleware {
  const ways = router.stack.flatMap(layer => {
    const marks = marksOfLayer(layer)
    return marks.short ? [wayOf(parts, String(layer.path), marks, marks.short)] : []
  })
  return (ctx, next) => {
    const { method, url = '', headers } = ctx.req
    // Upgrades are requests for other answers.
    if (method !== 'GET' || headers.authorization !== undefined || headers.upgrade !== undefined) {
      return next()
    }
    for (const way of ways) {
      const match = way.url.exec(url)
      if (match) {
        return takes(parts, ctx, way, match) ? undefined : next()
      }
    }
    return next()
  }
}

function wayOf({ config }: Parts, route: string, marks: Marks, short: ShortWay): Way {
  // What the middleware that is passed by says of each answer.
  const common = { Vary: VARY, 'Cache-Control': NOT_STORED, ...headersOf(config, short.form), ...NOT_EMBEDDED }
  const known = new WeakMap<Answer['headers'], string[]>()
  return {
    short,
    marks,
    route,
    url: new RegExp(`^${route.replace(':uri', `(${URI})`)}${short.query}$`),
    headers: own => {
      const headers = known.get(own) ?? Object.entries({ ...common, ...own }).flat()
      known.set(own, headers)
      return headers
    },
  }
}

/** Whether it was answered. If not, nothing has happened. */
function takes(parts: Parts, ctx: Context, way: Way, [, uri = '', group = '']: RegExpExecArray): boolean {
  const begun = performance.now()
  try {
    const answer = identified(parts, ctx, way) && way.short.answer(ctx, uri, group)
    if (answer) {
      send(ctx, way, answer)
      logRequest(parts, ctx, answer.status, begun, { short: true })
      return true
    }
  } catch (error) {
    // The long way finds the same, and says it.
    parts.log.debug({ err: error }, 'A short way was not taken')
  }
  ctx.state = {} as State
  return false
}

/** Finds out who asks, as `authenticate` does. */
function identified(parts: Parts, ctx: Context, { short: { form }, route, marks }: Way): boolean {
  const key = shownForm(ctx) === form ? sentSession(parts, ctx) : undefined
  const credential = { kind: 'session', key: key ?? '' } as const
  const identity = parts.live.identified(credential)
  if (!identity) {
    return false
  }
  ctx.state = { form, route, request: '', marks, cookieless: false, user: identity.user, identity, credential }
  return isPoll(ctx) || !wasLongUnused(identity)
}

function send(ctx: Context, { headers }: Way, answer: Answer) {
  const { status, headers: own, body } = answer
  ctx.respond = false
  const list = [...headers(own)]
  for (const [name, value] of Object.entries(nameRequest(ctx))) {
    list.push(name, value)
  }
  if (body) {
    list.push('Content-Length', String(body.length))
  }
  ctx.res.writeHead(status, list).end(body)
}
