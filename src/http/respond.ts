import type { ServerResponse } from 'node:http'
import { LIMITS } from '../config.js'
import { asRefusal, Refusal } from '../errors.js'
import { randomKey } from '../keys.js'
import { asLine } from '../text/controls.js'
import { initial } from '../text/words.js'
import { parsedUrl } from '../urls.js'
import { absolute } from './address.js'
import type { Answer, Context, Middleware, Parts } from './context.js'
import { prepareForms } from './csrf.js'
import { asText, safePath } from './fields.js'
import { NOT_STORED } from './headers.js'
import { CODES_PATH, problemJson } from './json.js'
import { preferencesOf } from './preferences.js'
import type { FragmentValues, FrameValues, PageValues } from './view-values.js'

interface Answers {
  /** A whole document, or a redirect. */
  page: () => unknown
  /** What htmx puts into the page. */
  fragment: () => unknown
  /** The body of the answer: JSON text, or a value that becomes JSON. */
  json: () => unknown
  /** What a terminal shows. Only for routes that are marked with `text`. */
  text?: () => unknown
}

/** Answers in the form that was asked for. A handler must give the first three, so that none is forgotten. */
export async function respond(ctx: Context, answers: Answers) {
  const { form } = ctx.state
  const body = await (answers[form] ?? answers.json)()
  if ((form === 'json' || form === 'text') && body !== undefined) {
    ctx.type = form
    ctx.body = body
  }
}

/** Answers with what was made before. */
export function give(ctx: Context, { status, headers, body }: Answer) {
  ctx.status = status
  ctx.set(headers)
  if (body) {
    ctx.body = body
  }
}

/** For what exists as a page only: htmx and programs get the same document. */
export async function respondPage(ctx: Context, page: () => unknown) {
  await respond(ctx, { page, fragment: page, json: page })
}

export function refuseLongUrls(): Middleware {
  return async (ctx, next) => {
    if (ctx.originalUrl.length > LIMITS.url) {
      throw new Refusal('address_too_long', `This address is longer than ${LIMITS.url} characters.`)
    }
    await next()
  }
}

/** Redirects pages and htmx to `path` after a change. Programs get the JSON, or 204 where there is none. */
export async function redirect(ctx: Context, path: string, json: () => unknown = () => noContent(ctx)) {
  await respond(ctx, { page: () => seeOther(ctx, path), fragment: () => leadTo(ctx, path), json })
}

/** The redirect after a form. */
export function seeOther(ctx: Context, path: string) {
  ctx.status = 303
  ctx.set('Location', path)
  ctx.type = 'html'
  ctx.body = ''
}

/** The same for htmx. It would follow a 303 itself, and put the page it leads to into this one. */
export function leadTo(ctx: Context, path: string) {
  give(ctx, ledTo(path))
}

export function ledTo(path: string): Answer {
  return { status: 204, headers: { 'HX-Redirect': path } }
}

export function noContent(ctx: Context) {
  ctx.status = 204
}

/** Answers with a document. */
export function showPage<V extends keyof PageValues>(parts: Parts, ctx: Context, view: V, values: PageValues[V]) {
  ctx.type = 'html'
  // As bytes: Koa would count the bytes of a string first, and Node would encode it again.
  ctx.body = Buffer.from(renderPage(parts, ctx, view, values))
}

/** A document's HTML, with the values that the frame of every page needs. */
export function renderPage<V extends keyof PageValues>(
  parts: Parts,
  ctx: Context,
  view: V,
  values: PageValues[V],
): string {
  return parts.views.page(view, { ...frameOf(parts, ctx), ...values })
}

/** The values that the frame of every page needs. */
export function frameOf(parts: Parts, ctx: Context): FrameValues {
  prepareForms(parts, ctx)
  const { user, csrf = '' } = ctx.state
  return {
    user: user ?? null,
    user_initial: initial(user?.name ?? ''),
    csrf,
    form_key: randomKey(16),
    assets: parts.assets.paths,
    preferences: preferencesOf(parts, ctx),
  }
}

export function showFragment<V extends keyof FragmentValues>(
  { views }: Parts,
  ctx: Context,
  view: V,
  values: FragmentValues[V],
) {
  ctx.type = 'html'
  ctx.body = Buffer.from(views.fragment(view, values))
}

/** Opens the stream that a handler has prepared, after everything that sets headers: none can be set once a stream is open. */
export function openStreams(): Middleware {
  return async (ctx, next) => {
    await next()
    if (ctx.state.openStream) {
      ctx.respond = false
      ctx.state.openStream()
      // Koa waits for the end of each answer, and keeps the whole context until then: 2 kB for as long as a stream lasts. It waits by
      // on-finished, whose listener is called here. The stream looks after its own end.
      const { res } = ctx as { res: ServerResponse & { __onFinished?: (error: null) => void } }
      res.__onFinished?.(null)
    }
  }
}

/** The one place where an exception becomes an answer, in the form that was asked for. */
export function answerErrors(parts: Parts): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      showRefusal(parts, ctx, asRefusal(error))
    }
  }
}

function showRefusal(parts: Parts, ctx: Context, refusal: Refusal) {
  const { status, title, message, headers } = refusal
  ctx.status = status
  ctx.remove('ETag')
  ctx.remove('Content-Encoding')
  ctx.remove('Link')
  ctx.set({ ...headers, 'Cache-Control': NOT_STORED })
  if (ctx.state.form === 'json') {
    ctx.body = problemJson(refusal, absolute(parts, ctx, CODES_PATH))
    ctx.type = 'application/problem+json'
    return
  }
  if (ctx.state.form === 'text') {
    ctx.type = 'text'
    ctx.body = `${status} ${title}: ${asLine(message)}\n`
    return
  }
  const current = ctx.state.form === 'fragment' ? ctx.get('hx-current-url') : ctx.originalUrl
  const values = {
    status,
    title,
    sentence: message,
    next: current.length <= LIMITS.url && parsedUrl(current, HERE) ? safePath(pathOf(current)) : '',
  }
  if (ctx.state.form === 'fragment') {
    // htmx does not swap in error answers, but a partial that names its own target goes into #alert all the same.
    showFragment(parts, ctx, '_refusal.njk', values)
  } else {
    const { message: typed, draft_of, reply_to } = ctx.state.fields ?? {}
    showPage(parts, ctx, 'error.njk', {
      ...values,
      typed: asText(typed),
      draft_of: asText(draft_of),
      reply_to: asText(reply_to),
    })
  }
}

/** Any origin will do: only the path of the address is used. */
const HERE = 'http://localhost'

/** The page to go back to. An address that a form was posted to cannot be opened, so it is the page above it. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url, HERE)
  return pathname.replace(/^(\/chats\/[^/]+|\/account)\/.*$/, '$1') + search
}
