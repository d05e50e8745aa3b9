import { LIMITS } from '../config.js'
import { Refusal } from '../errors.js'
import { keyHash, randomKey, sameKey, sealed } from '../keys.js'
import { parsedUrl } from '../urls.js'
import { hostOf } from './address.js'
import type { Context, Middleware, Parts } from './context.js'
import { sessionCookie } from './sessions.js'

const visitCookie = (secure: boolean) => (secure ? '__Host-visit' : 'visit')

/**
 * Refuses requests that another site makes a browser send with our cookies. Most of them are recognised by Sec-Fetch-Site and Origin.
 * Browsers that do not send these headers (lynx and w3m; others on plain http) must send the form's token. Requests for which cookies
 * do not count are safe, and so are those without a session, except to an entrance. The form of an entrance may come with the token of the
 * visit although a session has begun since: it was sent twice.
 */
export function refuseForgeries(parts: Parts): Middleware {
  return (ctx, next) => {
    if (!['GET', 'HEAD', 'OPTIONS'].includes(ctx.method)) {
      refuseForgery(parts, ctx)
    }
    return next()
  }
}

/** The same for one request that changes something. Throws 403. */
export function refuseForgery(parts: Parts, ctx: Context) {
  if (ctx.state.cookieless) {
    return
  }
  if (!isOwnOrigin(parts, ctx)) {
    throw fromElsewhere(parts, ctx)
  }
  if (ctx.state.user || (ctx.state.marks.entrance && !isProgram(ctx))) {
    const sent = ctx.get('x-csrf-token') || ctx.state.fields?.csrf
    const subjects = [subjectOf(parts, ctx), ctx.state.marks.entrance && visitOf(parts, ctx)]
    const fits = typeof sent === 'string' && sent.length <= LIMITS.keyBytes
    if (!fits || !subjects.some(subject => subject && sameKey(sent, sealed(parts.secret, 'csrf', subject)))) {
      const [code, sentence] = ctx.get('cookie') ? OUT_OF_DATE : NO_COOKIES
      throw new Refusal(code, sentence, {
        // Tells the script that a new page can do it.
        headers: ctx.state.form === 'fragment' ? { 'HX-Trigger': 'stale' } : {},
      })
    }
  }
}

const OUT_OF_DATE = ['stale_form_token', 'This page is out of date. Please reload it and try again.'] as const
const NO_COOKIES = [
  'no_cookies',
  'Your browser keeps no cookies of this site, and without them it cannot know you again. Allow cookies for this site, then reload the page.',
] as const

/** A form cannot send JSON. A script of another site can do so only after a preflight request, and we never allow it with cookies. */
function isProgram(ctx: Context): boolean {
  return ctx.request.type.toLowerCase() === 'application/json'
}

/** The hash of the browser's cookie for visits, which tells browsers apart; null where it has none. */
export function visitHash(parts: Parts, ctx: Context): Buffer | null {
  const visit = visitOf(parts, ctx)
  return visit ? keyHash(visit) : null
}

/** The browser's cookie for visits. */
export function visitOf({ config }: Parts, ctx: Context): string | undefined {
  return ctx.state.cookieless ? undefined : ctx.cookies.get(visitCookie(config.secure), { signed: true })
}

/**
 * Makes the token for this page's forms. For a visitor who is not signed in it is bound to a signed cookie, which saves a row in the
 * database.
 */
export function prepareForms(parts: Parts, ctx: Context) {
  if (ctx.state.cookieless) {
    return
  }
  let subject = subjectOf(parts, ctx)
  if (!subject) {
    subject = randomKey(16)
    ctx.cookies.set(visitCookie(parts.config.secure), subject, {
      signed: true,
      httpOnly: true,
      sameSite: 'lax',
      secure: parts.config.secure,
    })
  }
  ctx.state.csrf = sealed(parts.secret, 'csrf', subject)
}

function subjectOf(parts: Parts, ctx: Context): string | undefined {
  return ctx.state.user ? (ctx.state.begun ?? ctx.cookies.get(sessionCookie(parts.config.secure))) : visitOf(parts, ctx)
}

/** Whether the request comes from a page of this site, by the headers that the browser sent. */
export function isOwnOrigin(parts: Parts, ctx: Context): boolean {
  const site = ctx.get('sec-fetch-site')
  if (site && site !== 'same-origin' && site !== 'none') {
    return false
  }
  const origin = ctx.get('origin')
  return !origin || isOurs(parts, ctx, origin)
}

/**
 * Whether a browser was led here by another site. It names no site where somebody typed the address or opened it from another program.
 * On plain http browsers do not send Sec-Fetch-Site. Then the Referer tells it, unless the other site hides that.
 */
export function isFromElsewhere(parts: Parts, ctx: Context): boolean {
  const site = ctx.get('sec-fetch-site')
  const referer = ctx.get('referer')
  return site ? site !== 'same-origin' && site !== 'none' : referer !== '' && !isOurs(parts, ctx, referer)
}

/** Without PUBLIC_URL only the host can be compared: behind a TLS proxy the scheme is not known. */
function isOurs({ config }: Parts, ctx: Context, url: string): boolean {
  const parsed = url.length > LIMITS.url ? undefined : parsedUrl(url)
  if (!parsed) {
    return false
  }
  return config.publicUrl ? parsed.origin === config.publicUrl.origin : parsed.host === hostOf(ctx)
}

/**
 * The refusal of a request from another site. Behind a proxy that does not pass the Host header on, requests from this site look the
 * same, so the answer and the log say what the operator has to set.
 */
export function fromElsewhere({ config, log }: Parts, ctx: Context): Refusal {
  const origin = ctx.get('origin')
  const sentence = 'This request came from another site. Please open the page here and try again.'
  if (config.publicUrl) {
    return new Refusal('other_site', `${sentence} Here is ${config.publicUrl.origin}, as PUBLIC_URL says.`)
  }
  const from = parsedUrl(origin)
  if (!from || !['', 'same-origin'].includes(ctx.get('sec-fetch-site'))) {
    return new Refusal('other_site', sentence)
  }
  const mend = 'set PUBLIC_URL to the address that people open, or let the proxy in front pass the Host header on'
  log.warn(
    { origin: from.host, host: ctx.host },
    `A request was refused, as its Origin and its Host header name different sites. If both are this one, ${mend}`,
  )
  return new Refusal('other_site', `${sentence} If this is the right page, its server has to be told: ${mend}.`)
}
