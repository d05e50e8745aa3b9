import type Router from '@koa/router'
import { URI } from '../db/chats.js'
import { Refusal } from '../errors.js'
import { isPoll, sentToken, wasLongUnused } from './authentication.js'
import { readFields } from './body.js'
import type {
  Answer,
  Context,
  Form,
  Marks,
  Middleware,
  Parts,
  RouteContext,
  ShortChange,
  ShortWay,
  State,
} from './context.js'
import { refuseForgery } from './csrf.js'
import { acceptedByProgram, shownForm, VARY } from './form.js'
import { headersForPrograms, headersOf, NOT_EMBEDDED, NOT_STORED } from './headers.js'
import { marksOfLayer } from './marks.js'
import { nameRequest } from './request-id.js'
import { logRequest } from './request-log.js'
import { requireScopeOfRoute } from './scopes.js'
import { sentSession } from './sessions.js'
import { ignoredFields } from './unknown-fields.js'

/** A short way with the route that it is for. */
interface Way<Short> {
  short: Short
  route: string
  marks: Marks
  url: RegExp
  /** The headers of an answer, in the form that is sent fastest, by those that the route gives it. */
  headers: (own: Answer['headers']) => readonly string[]
}

/**
 * Answers what memory is certain of: who asks, that they are a member, and what they would get. Those are the most frequent requests by
 * far: polls without news, pages that are opened again, and messages. All other requests go the long way, through the middleware that
 * follows, and so does one whose short way throws. The answers are the same (test/live/short-ways.test.ts).
 */
export function answerFromMemory(parts: Parts, router: Router<State>): Middleware {
  const readings: Way<ShortWay>[] = []
  const changes: Way<ShortChange>[] = []
  for (const layer of router.stack) {
    const marks = marksOfLayer(layer)
    const route = String(layer.path)
    if (marks.short) {
      readings.push(wayOf(parts, route, marks, marks.short, marks.short.query))
    }
    for (const short of marks.shortChanges ?? []) {
      changes.push(wayOf(parts, route, marks, short, '/?'))
    }
  }
  return (ctx, next) => {
    const { method, url = '', headers } = ctx.req
    // Upgrades are requests for other answers.
    if (headers.upgrade !== undefined) {
      return next()
    }
    if (method === 'POST') {
      const found = matching(changes, url)
      return found ? makes(parts, ctx, ...found).then(made => (made ? undefined : next())) : next()
    }
    const found = method === 'GET' && headers.authorization === undefined && matching(readings, url)
    const taken = found && takes(parts, ctx, ...found)
    return taken instanceof Promise ? taken.then(done => (done ? undefined : next())) : taken ? undefined : next()
  }
}

function wayOf<Short extends { form: Form }>(
  { config }: Parts,
  route: string,
  marks: Marks,
  short: Short,
  query: string,
): Way<Short> {
  const isForPrograms = short.form === 'json'
  const known = new WeakMap<Answer['headers'], string[]>()
  return {
    short,
    marks,
    route,
    url: new RegExp(`^${isForPrograms ? '/api' : ''}${route.replace(':uri', `(${URI})`)}${query}$`),
    headers: own => {
      let headers = known.get(own)
      if (!headers) {
        const isDocument = short.form === 'page' || own['Content-Type']?.startsWith('text/html')
        // What the middleware that is passed by says of each answer.
        const common = {
          ...(isForPrograms ? headersForPrograms(config, '') : { Vary: VARY, ...NOT_EMBEDDED }),
          'Cache-Control': NOT_STORED,
          ...headersOf(config, short.form, isDocument),
        }
        headers = Object.entries({ ...common, ...own }).flat()
        known.set(own, headers)
      }
      return headers
    },
  }
}

function matching<Short>(ways: readonly Way<Short>[], url: string): [Way<Short>, RegExpExecArray] | undefined {
  for (const way of ways) {
    const match = way.url.exec(url)
    if (match) {
      return [way, match]
    }
  }
  return undefined
}

/** Whether it was answered. If not, nothing has happened. */
function takes(
  parts: Parts,
  ctx: Context,
  way: Way<ShortWay>,
  [, uri = '', group = '']: RegExpExecArray,
): boolean | Promise<boolean> {
  const begun = performance.now()
  const finishWith = (answer: Answer | undefined) => {
    if (!answer) {
      return leave(ctx)
    }
    finish(parts, ctx, way, answer, begun)
    return true
  }
  const fail = (error: unknown) => leave(ctx, parts, error)
  try {
    const isAsked = shownForm(ctx) === way.short.form && identified(parts, ctx, way, false)
    const answer = isAsked ? way.short.answer(ctx, uri, group) : undefined
    return answer instanceof Promise ? answer.then(finishWith).catch(fail) : finishWith(answer)
  } catch (error) {
    return fail(error)
  }
}

/** Whether it was done and answered. */
async function makes(
  parts: Parts,
  ctx: Context,
  way: Way<ShortChange>,
  [, uri = '']: RegExpExecArray,
): Promise<boolean> {
  const begun = performance.now()
  try {
    if (isChange(parts, ctx, way)) {
      // The same as on the long way, in the same order.
      await requireScopeOfRoute(parts, ctx.state, uri)
      ctx.state.fields = await readFields(ctx)
      refuseForgery(parts, ctx)
      if (ignoredFields(ctx).length === 0) {
        const answer = await way.short.change(Object.assign(ctx, { params: { uri } }) as RouteContext)
        finish(parts, ctx, way, answer, begun)
        return true
      }
    }
    return leave(ctx)
  } catch (error) {
    return leave(ctx, parts, error)
  }
}

/** Whether it is asked for in the form of that way, by whom memory knows. */
function isChange(parts: Parts, ctx: Context, way: Way<ShortChange>): boolean {
  const { authorization, origin } = ctx.req.headers
  const isByToken = authorization !== undefined
  const isAsked =
    way.short.form === 'json'
      ? isByToken && origin === undefined && acceptedByProgram(ctx) === 'json'
      : !isByToken && shownForm(ctx) === way.short.form
  return isAsked && identified(parts, ctx, way, isByToken)
}

/** Finds out who asks, as `authenticate` does. */
function identified(
  parts: Parts,
  ctx: Context,
  { short: { form }, route, marks }: Way<{ form: Form }>,
  isByToken: boolean,
): boolean {
  const credential = isByToken
    ? sentToken(ctx.req.headers.authorization ?? '')
    : ({ kind: 'session', key: sentSession(parts, ctx) ?? '' } as const)
  const identity = credential && parts.live.identified(credential)
  if (!identity) {
    return false
  }
  ctx.state = { form, route, request: '', marks, cookieless: isByToken, user: identity.user, identity, credential }
  return isPoll(ctx) || !wasLongUnused(identity)
}

/** For the long way, which goes on with what cannot be done twice. It finds the same fault, and says it with all that is known of it. */
function leave(ctx: Context, parts?: Parts, error?: unknown): false {
  if (!(error instanceof Refusal)) {
    parts?.log.debug({ why: String(error) }, 'A short way was not taken')
  }
  const { body, posting, allowances } = ctx.state
  ctx.state = Object.assign({} as State, { body, posting, allowances })
  return false
}

function finish(parts: Parts, ctx: Context, { headers }: Way<unknown>, answer: Answer, begun: number) {
  const { status, headers: own, body } = answer
  ctx.respond = false
  const list = [...headers(own), ...Object.entries(nameRequest(ctx)).flat()]
  if (body) {
    list.push('Content-Length', String(Buffer.byteLength(body)))
  }
  ctx.res.writeHead(status, list).end(body)
  logRequest(parts, ctx, status, begun, { short: true })
}
