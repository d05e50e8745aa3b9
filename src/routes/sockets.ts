import type { WebSocket } from 'ws'
import { LIMITS } from '../config.js'
import type { User } from '../db/users.js'
import { asRefusal } from '../errors.js'
import { absolute } from '../http/address.js'
import { requireStill } from '../http/authentication.js'
import { fields as readFields } from '../http/body.js'
import type { Parts, RouteContext } from '../http/context.js'
import { fromElsewhere, isOwnOrigin } from '../http/csrf.js'
import { check } from '../http/input.js'
import { CODES_PATH, postedJson, problemJson } from '../http/json.js'
import { logCause } from '../http/request-log.js'
import { addressedMessage, newMessage } from '../http/schemas.js'
import { requireScope } from '../http/scopes.js'
import { refuseMisspelt } from '../http/unknown-fields.js'
import type { SocketStream } from '../live/socket-stream.js'
import { postMessage } from './posting.js'

/** Browsers let other sites open a WebSocket to here with our cookies, and read from it. Throws 403. */
export function requireOwnOrigin(parts: Parts, ctx: RouteContext) {
  if (ctx.state.credential?.kind === 'session' && (!ctx.get('origin') || !isOwnOrigin(parts, ctx))) {
    throw fromElsewhere(parts, ctx)
  }
}

/**
 * Answers each message that comes by the socket as POST would, one at a time. Without `chat`, by the socket of all chats, each says by its
 * `uri` for which chat it is.
 */
export function takePosts(
  parts: Parts,
  ctx: RouteContext,
  user: User,
  stream: SocketStream,
  socket: WebSocket,
  chat?: string,
) {
  // The page that explains problems.
  const codes = absolute(parts, ctx, CODES_PATH)
  let last = Promise.resolve()
  socket.on('message', data => {
    socket.pause()
    last = last
      .then(async () => {
        stream.answer(JSON.stringify(await answer(data as Buffer)))
        socket.resume()
      })
      .catch(error => {
        parts.log.error({ err: error }, 'A message by WebSocket could not be answered')
        stream.drop()
      })
  })

  async function answer(data: Buffer) {
    let key: string | number | undefined
    try {
      const sent = await readFields('application/json', '', data)
      key = readableKey(sent.key)
      const identity = await requireStill(parts, stream.reader.credential)
      const { uri, ...fields } = chat === undefined ? check(sent, addressedMessage) : { ...sent, uri: chat }
      await requireScope(parts, identity, 'post', uri)
      refuseMisspelt(fields, newMessage)
      const { message, posted } = await postMessage(parts, uri, user, fields, () => {})
      return { ...postedJson(posted, uri, user, message), key }
    } catch (error) {
      logCause(parts, error)
      const refusal = asRefusal(error)
      parts.refusals.note(refusal.code)
      if (refusal.status === 503) {
        parts.outage.refused()
      }
      const wait = refusal.headers['Retry-After']
      return { ...problemJson(refusal, codes), ...(wait ? { retry_after: Number(wait) } : {}), key }
    }
  }
}

/** The key that tells a program which message an answer is about. A value that cannot be a key is not sent back. */
function readableKey(key: unknown): string | number | undefined {
  return typeof key === 'number' || (typeof key === 'string' && key.length <= 2 * LIMITS.keyLength) ? key : undefined
}
