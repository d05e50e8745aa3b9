import { URI } from '../db/chats.js'
import { fastAround, gzipOf, type Piece, plainOf, storedAgain } from '../live/pieces.js'
import { remembering } from '../remembering.js'
import type { Answer, Context, Middleware } from './context.js'
import { VARY } from './form.js'

/** HTML in pieces, as the answer to that request. */
export function htmlAnswer(ctx: Context, pieces: readonly Piece[]): Pick<Answer, 'headers'> & { body: Buffer } {
  return takesGzip(ctx.get('accept-encoding'), ctx)
    ? { headers: IN_GZIP, body: gzipOf(pieces) }
    : { headers: IN_PLAIN, body: plainOf(pieces) }
}

const IN_PLAIN = { 'Content-Type': 'text/html; charset=utf-8', Vary: `${VARY}, Accept-Encoding` }
const IN_GZIP = { ...IN_PLAIN, 'Content-Encoding': 'gzip' }

/** Browsers send few different headers. */
const takesGzip = remembering(
  1000,
  (_accepted: string, ctx: Context) => ctx.acceptsEncodings('gzip', 'identity') === 'gzip',
)

/** Answers with HTML in pieces. */
export function showPieces(ctx: Context, pieces: readonly Piece[]) {
  const { headers, body } = htmlAnswer(ctx, pieces)
  ctx.set(headers)
  ctx.body = body
}

/** A list in JSON, each item by itself. What stands around them is stored. */
export function jsonInPieces(begin: string, items: readonly Piece[], end: string): Piece[] {
  const comma = storedAgain(',')
  return [storedAgain(begin), ...items.flatMap((item, place) => (place > 0 ? [comma, item] : [item])), storedAgain(end)]
}

/** Gives JSON in pieces to `respond`. They are sent by `encodeAnswers`: the tag of the answer is that of its plain form. */
export function keepPieces(ctx: Context, pieces: readonly Piece[]): Buffer {
  ctx.state.pieces = pieces
  return plainOf(pieces)
}

/**
 * Sends JSON and text in gzip to those who take it: what is in pieces, and what a route that is marked with `gzip` says of one chat. That
 * is compressed as a whole, but for the chat's URIs. Everything else goes out as it is, as it may have a secret beside what somebody else
 * has chosen (docs/decisions/016).
 */
export function encodeAnswers(): Middleware {
  return async (ctx, next) => {
    await next()
    const { form, marks, pieces } = ctx.state
    if ((form !== 'json' && form !== 'text') || !(pieces || marks.gzip) || !READING.has(ctx.method)) {
      return
    }
    ctx.vary('Accept-Encoding')
    const text = ctx.status === 200 && takesGzip(ctx.get('accept-encoding'), ctx) ? textOf(ctx.body) : ''
    if (text.length >= WORTH_IT) {
      ctx.body = gzipOf(pieces ?? (await fastAround(text, urisIn(ctx, text))))
      ctx.set('Content-Encoding', 'gzip')
    }
  }
}

const NAMED = new RegExp(`"uri":"(${URI})"`, 'g')

const READING = new Set(['GET', 'HEAD'])

/** A shorter answer goes in one packet anyway, in characters. */
const WORTH_IT = 1000

/** Empty for a stream, which is not compressed, and where there is no body. */
function textOf(body: unknown): string {
  return typeof body === 'string' ? body : Buffer.isBuffer(body) ? body.toString() : ''
}

/** The links to the chat in an answer about it, which programs that post by a hook do not know. Plain text names no link but that in the path. */
function urisIn(ctx: Context & { params?: Record<string, string> }, text: string): string[] {
  const named = ctx.state.form === 'json' ? [...text.matchAll(NAMED)].map(([, uri = '']) => uri) : []
  return [...new Set([ctx.params?.uri ?? '', ...named])].filter(uri => uri !== '')
}
