import { hashOf } from '../hash.js'
import type { Middleware } from './context.js'

/** Whether If-None-Match names the tag, by weak comparison (RFC 9110, section 13.1.2). A star stands for whatever there is. */
export function isNamed(header: string, etag: string): boolean {
  return header.trim() === '*' || header.includes(etag.replace('W/', ''))
}

/**
 * Tags each JSON answer to a reading by what is in it, unless its route has tagged it by something that is cheaper to find out. Whoever has it
 * already gets 304.
 */
export function tagAnswers(): Middleware {
  return async (ctx, next) => {
    await next()
    const isReading = ctx.method === 'GET' || ctx.method === 'HEAD'
    if (
      !isReading ||
      ctx.state.form !== 'json' ||
      ctx.status !== 200 ||
      !ctx.body ||
      !ctx.response.is('json') ||
      ctx.response.get('etag')
    ) {
      return
    }
    const body = typeof ctx.body === 'string' || Buffer.isBuffer(ctx.body) ? ctx.body : JSON.stringify(ctx.body)
    const etag = `W/"${hashOf(body)}"`
    if (ctx.body !== body) {
      ctx.body = body
      ctx.type = 'json'
    }
    ctx.set('ETag', etag)
    if (isNamed(ctx.get('if-none-match'), etag)) {
      ctx.status = 304
    }
  }
}
