import { LIMITS } from '../config.js'
import { Refusal } from '../errors.js'
import { keyHash, randomKey, sameKey, sealed } from '../keys.js'
import { hostOf } from './address.js'
import type { Context, Middleware, Parts } from './context.js'
import { sessionCookie } from './sessions.js'

const visitCookie = (secure: boolean) => (secure ? '__Host-visit' : 'visit')

/**
 * Refuses what another site makes a browser send with our cookies. Sec-Fetch-Site and Origin tell most of them; browsers
 * without these headers (lynx and w3m; others on plain http) are told by the form's token. Requests that count no
 * cookies need no such care, and without a session there is nothing to act with but the entrances.
 */
export function refuseForgeries(parts: Parts): Middleware {
  return async (ctx, next) => {
    if (['GET', 'HEAD', 'OPTIONS'].includes(ctx.method) || ctx.state.cookieless) {
      return next()
    }
    if (!isOwnOrigin(parts, ctx)) {
      throw fromElsewhere(parts, ctx)
    }
    if (ctx.state.user || (ctx.state.marks.entrance && !isProgram(ctx))) {
      const sent = ctx.get('x-csrf-token') || ctx.state.fields?.csrf
      const subject = subjectOf(parts, ctx)
      const fits = typeof sent === 'string' && sent.length <= LIMITS.keyBytes
      if (!fits || !subject || !sameKey(sent, sealed(parts.secret, 'csrf', subject))) {
        throw new Refusal(403, 'This page is out of date. Please reload it and try again.')
      }
    }
    await next()
  }
}

/** No form sends JSON, and other sites' scripts only where this one allows it beforehand, which it does for no cookies. */
function isProgram(ctx: Context): boolean {
  return ctx.request.type.toLowerCase() === 'application/json'
}

/** Which browser it is, as far as its cookie for visits says; null where it has none. */
export function visitHash({ config }: Parts, ctx: Context): Buffer | null {
  const visit = ctx.cookies.get(visitCookie(config.secure), { signed: true })
  return visit ? keyHash(visit) : null
}

/**
 * Puts the token for this page's forms at hand. A visitor who is not signed in gets a signed cookie to bind it to, rather than
 * a row in the database.
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

function subjectOf({ config }: Parts, ctx: Context): string | undefined {
  return ctx.state.user
    ? (ctx.state.begun ?? ctx.cookies.get(sessionCookie(config.secure)))
    : ctx.cookies.get(visitCookie(config.secure), { signed: true })
}

/** Whether the request comes from a page of this site, as far as the browser says. */
export function isOwnOrigin(parts: Parts, ctx: Context): boolean {
  const site = ctx.get('sec-fetch-site')
  if (site && site !== 'same-origin' && site !== 'none') {
    return false
  }
  const origin = ctx.get('origin')
  return !origin || isOurs(parts, ctx, origin)
}

/**
 * Whether a browser was led here by another site. None is named where somebody typed the address or opened it from another program.
 * Browsers on plain http do not send Sec-Fetch-Site, and tell by the Referer, unless the other site hides it.
 */
export function isFromElsewhere(parts: Parts, ctx: Context): boolean {
  const site = ctx.get('sec-fetch-site')
  const referer = ctx.get('referer')
  return site ? site !== 'same-origin' && site !== 'none' : referer !== '' && !isOurs(parts, ctx, referer)
}

/** Where PUBLIC_URL is not set only the host can be compared: a TLS proxy hides the scheme. */
function isOurs({ config }: Parts, ctx: Context, url: string): boolean {
  if (url.length > LIMITS.url || !URL.canParse(url)) {
    return false
  }
  const { origin, host } = new URL(url)
  return config.publicUrl ? origin === config.publicUrl.origin : host === hostOf(ctx)
}

/**
 * Refuses what came from another site. Behind a proxy that does not pass the Host header on, what came from this one looks the same:
 * so whoever runs it is told what to set, here and in the log.
 */
export function fromElsewhere({ config, log }: Parts, ctx: Context): Refusal {
  const origin = ctx.get('origin')
  const sentence = 'This request came from another site. Please open the page here and try again.'
  if (config.publicUrl) {
    return new Refusal(403, `${sentence} Here is ${config.publicUrl.origin}, as PUBLIC_URL says.`)
  }
  if (!URL.canParse(origin) || !['', 'same-origin'].includes(ctx.get('sec-fetch-site'))) {
    return new Refusal(403, sentence)
  }
  const mend = 'set PUBLIC_URL to the address that people open, or let the proxy in front pass the Host header on'
  log.warn(
    { origin: new URL(origin).host, host: ctx.host },
    `A request was refused, as its Origin and its Host header name different sites. If both are this one, ${mend}`,
  )
  return new Refusal(403, `${sentence} If this is the right page, its server has to be told: ${mend}.`)
}
