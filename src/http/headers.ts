import type { Config } from '../config.js'
import type { Form, Middleware, Parts } from './context.js'
import { isForPrograms, VARY } from './form.js'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
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
  // Not no-referrer: browsers would send `Origin: null` with our own forms.
  'Referrer-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
}

/** For documents in a frame of our own page. */
const FRAME = {
  'Content-Security-Policy': POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
  'X-Frame-Options': 'SAMEORIGIN',
}

/** The order is for lynx: it understands only no-cache, and only at the end. Without it, a link to a page that lynx has shows the old page. */
export const NOT_STORED = 'no-store, no-cache'

/** Answers to programs may be embedded: CORS says by whom. */
export const NOT_EMBEDDED = { 'Cross-Origin-Resource-Policy': 'same-origin' }

/** What every answer in that form says of itself, whatever it is. */
export function headersOf({ secure }: Config, form: Form, isDocument = form === 'page'): Record<string, string> {
  return {
    'X-Content-Type-Options': 'nosniff',
    'X-Robots-Tag': 'noindex, nofollow',
    // Not on fragments: their page has had it already, and it would make idle polls longer.
    ...(secure && form !== 'fragment' ? { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' } : {}),
    ...(isDocument ? DOCUMENT : {}),
  }
}

/** On every answer, errors included: it must not be stored, indexed, sniffed or embedded. Documents get their policies as well. */
export function secureHeaders({ config }: Parts): Middleware {
  return async (ctx, next) => {
    // Not by the connection: behind a proxy it is plain http, and the library would refuse to set secure cookies.
    ctx.cookies.secure = config.secure
    try {
      await next()
    } finally {
      if (!ctx.response.get('cache-control')) {
        ctx.set('Cache-Control', NOT_STORED)
      }
      const { form } = ctx.state
      const isDocument = form === 'page' || ctx.response.is('html') !== false
      ctx.set(headersOf(config, form, isDocument))
      if (ctx.path.startsWith('/hooks/')) {
        // The address is a secret: a browser that shows the answer must not tell it to what it asks for next.
        ctx.set('Referrer-Policy', 'no-referrer')
      }
      if (!isForPrograms(ctx.originalUrl) && !ctx.response.get('cross-origin-resource-policy')) {
        ctx.set(NOT_EMBEDDED)
      }
      if (isDocument && ctx.state.isFrame) {
        ctx.set(FRAME)
      }
    }
  }
}

const EXPOSED = [
  'Deprecation',
  'ETag',
  'Ignored-Fields',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
].join(', ')

/** Whether pages of that origin may call the API with a token. */
export function allowsOrigin({ corsOrigins }: Config, origin: string): boolean {
  return corsOrigins.includes('*') || corsOrigins.includes(origin)
}

/** What every answer to a program says: what it depends on, and which pages may read it. `origin`: of the page that asks, if one does. */
export function headersForPrograms(config: Config, origin: string): Record<string, string> {
  const allowed = config.corsOrigins.includes('*') ? '*' : allowsOrigin(config, origin) ? origin : undefined
  return {
    Vary: `${VARY}, Origin`,
    ...(allowed ? { 'Access-Control-Allow-Origin': allowed, 'Access-Control-Expose-Headers': EXPOSED } : {}),
  }
}

/** CORS: lets pages of the configured origins call the API with a token. Cookies are never allowed. */
export function allowOrigins({ config }: Parts): Middleware {
  return async (ctx, next) => {
    if (!isForPrograms(ctx.originalUrl)) {
      return next()
    }
    const forPrograms = headersForPrograms(config, ctx.get('origin'))
    ctx.set(forPrograms)
    if (ctx.method === 'OPTIONS' && ctx.get('access-control-request-method')) {
      if ('Access-Control-Allow-Origin' in forPrograms) {
        ctx.set('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE')
        ctx.set(
          'Access-Control-Allow-Headers',
          'authorization, content-type, idempotency-key, if-none-match, last-event-id, x-request-id',
        )
        ctx.set('Access-Control-Max-Age', '600')
      }
      ctx.status = 204
      return
    }
    await next()
  }
}
