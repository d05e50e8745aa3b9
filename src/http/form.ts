import { Refusal } from '../errors.js'
import { remembering } from '../remembering.js'
import type { Context, Form, Middleware } from './context.js'

/**
 * Whether an address is for programs: it answers in JSON, errors included, and pages of other sites may call it (CORS_ORIGINS). `/api/` itself
 * is a page about them.
 */
export function isForPrograms(url: string): boolean {
  return /^\/(api\/[^?]|(auth|hooks)(\/|\?|$))/.test(url)
}

/**
 * Content negotiation: settles the form of the answer. It is JSON at an address for programs and for a request that asks for JSON, a
 * fragment for htmx, text for who would rather have plain text than either, and a page for everybody else. `/api/chats/…` is `/chats/…` in
 * JSON; `nouns` are those that have both addresses.
 */
export function settleForm(nouns: readonly string[]): Middleware {
  const api = new RegExp(`^/api(?=/(${nouns.join('|')})(/|$))`)
  return async (ctx, next) => {
    if (isForPrograms(ctx.path)) {
      ctx.state.form = acceptedByProgram(ctx) === 'text/plain' ? 'text' : 'json'
      ctx.path = ctx.path.replace(api, '')
    } else {
      ctx.state.form = shownForm(ctx)
    }
    ctx.set('Vary', VARY)
    await next()
  }
}

/** What a request to an address for programs would rather have; false where it takes neither. */
export function acceptedByProgram(ctx: Context): 'json' | 'text/plain' | false {
  return programAccepts(ctx.req.headers.accept ?? '*/*', ctx)
}

/** Programs send few different headers. */
const programAccepts = remembering(
  1000,
  (_accept: string, ctx: Context) => ctx.accepts('json', 'text/plain') as 'json' | 'text/plain' | false,
)

/** For an address that has JSON alone. */
export function settleJson(): Middleware {
  return (ctx, next) => {
    ctx.state.form = 'json'
    return next()
  }
}

/** What the form depends on. */
export const VARY = 'Accept, HX-Request'

/** The form of the answer at an address that is not for programs alone. */
export function shownForm(ctx: Context): Form {
  const { accept = '', 'hx-request': isPart } = ctx.req.headers
  return isPart === 'true' ? 'fragment' : acceptedForm(accept, ctx)
}

/** Browsers send few different headers. */
const acceptedForm = remembering(
  1000,
  (_accept: string, ctx: Context) => FORMS.get(ctx.accepts(...FORMS.keys()) || 'html') ?? 'page',
)

/** By the media types, the preferred one first. */
const FORMS = new Map<string, Form>([
  ['html', 'page'],
  ['json', 'json'],
  ['text/plain', 'text'],
])

/** JSON is what problems come in, so who takes it takes everything. Who would rather have text gets JSON where there is none. */
const EVERYWHERE = ['application/json', 'application/problem+json', 'text/plain']

/**
 * Throws 406 at an address for programs where the request would take neither the answer nor a problem. A header without any media type that can
 * be read asks for nothing.
 */
export function refuseUnacceptable(): Middleware {
  return async (ctx, next) => {
    // What calls a hook can seldom be told what to accept, and does not read the answer.
    if (ctx.state.route && isForPrograms(ctx.originalUrl) && !ctx.path.startsWith('/hooks/')) {
      const types = [...(ctx.state.marks.operation?.types ?? []), ...EVERYWHERE]
      if (ctx.accepts().length > 0 && !ctx.accepts(...types)) {
        throw new Refusal('not_acceptable', `This address has none of these media types. It has ${types.join(', ')}.`)
      }
    }
    await next()
  }
}
