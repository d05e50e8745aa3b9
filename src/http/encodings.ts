import { gzipOf, type Piece, plainOf } from '../live/pieces.js'
import { remembering } from '../remembering.js'
import type { Answer, Context } from './context.js'
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
