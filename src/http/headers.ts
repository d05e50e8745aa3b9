import type { Middleware, Parts } from './context.js'
import { isForPrograms } from './form.js'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  'report-uri /csp-reports',
].join('; ')

const DOCUMENT = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // Not no-referrer: with that browsers send `Origin: null` with our own forms.
  'Referrer-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
}

/** What stands in a page of ours. */
const FRAME = {
  'Content-Security-Policy': POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
  'X-Frame-Options': 'SAMEORIGIN',
}

/** The order is for lynx: it heeds no-cache alone, and at the end alone; without it a link to a page that it has shows the old one. */
export const NOT_STORED = 'no-store, no-cache'

/** On every answer, errors included: not to be kept, indexed, sniffed or embedded. Documents get their policies on top. */
export function secureHeaders({ config }: Parts): Middleware {
  return async (ctx, next) => {
    // By the configuration and not by the connection, which behind a proxy is plain http: there the library would refuse.
    ctx.cookies.secure = config.secure
    try {
      await next()
    } finally {
      if (!ctx.response.get('cache-control')) {
        ctx.set('Cache-Control', NOT_STORED)
      }
      ctx.set('X-Content-Type-Options', 'nosniff')
      ctx.set('X-Robots-Tag', 'noindex, nofollow')
      // Not on fragments: the page that they go into has had it, and idle polls are to stay short.
      if (config.secure && ctx.state.form !== 'fragment') {
        ctx.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains')
      }
      if (!isForPrograms(ctx.originalUrl)) {
        ctx.set('Cross-Origin-Resource-Policy', 'same-origin')
      }
      if (ctx.state.form === 'page' || ctx.response.is('html')) {
        ctx.set(DOCUMENT)
        if (ctx.state.isFrame) {
          ctx.set(FRAME)
        }
      }
    }
  }
}

/** Lets the configured origins call the API from their pages, with a token: cookies are never allowed along. */
export function allowOrigins({ config: { corsOrigins } }: Parts): Middleware {
  return async (ctx, next) => {
    if (!isForPrograms(ctx.originalUrl)) {
      return next()
    }
    const origin = ctx.get('origin')
    const allowed = corsOrigins.includes('*') ? '*' : corsOrigins.includes(origin) ? origin : undefined
    ctx.vary('Origin')
    if (allowed) {
      ctx.set('Access-Control-Allow-Origin', allowed)
      ctx.set('Access-Control-Expose-Headers', 'ETag, Link, Location, Retry-After')
    }
    if (ctx.method === 'OPTIONS' && ctx.get('access-control-request-method')) {
      if (allowed) {
        ctx.set('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE')
        ctx.set('Access-Control-Allow-Headers', 'authorization, content-type, idempotency-key, last-event-id')
        ctx.set('Access-Control-Max-Age', '600')
      }
      ctx.status = 204
      return
    }
    await next()
  }
}
