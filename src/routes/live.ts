import Router from '@koa/router'
import type { WebSocket } from 'ws'
import { addressOf } from '../address.js'
import { fields } from '../body.js'
import { LIMITS } from '../config.js'
import type { Context, Parts, State } from '../context.js'
import { isOwnOrigin } from '../csrf.js'
import { chatView } from '../db/events.js'
import { asRefusal, notSignedIn, Refusal, unavailable } from '../errors.js'
import { check, lastEventId, readQuery, streamQuery } from '../input.js'
import { postedJson, problemJson } from '../json.js'
import { EVENTS, FRAME, pageFormat } from '../live/formats.js'
import { type Format, ResponseStream } from '../live/response-stream.js'
import { SocketStream } from '../live/socket-stream.js'
import type { Reader } from '../live/stream.js'
import { logCause } from '../log.js'
import { renderPage, showPage } from '../respond.js'
import { UpgradeResponse } from '../upgrades.js'
import { postMessage } from './messages.js'
import { chatPath, EXACT, type ReadingMember, readUri, requireCursor, requireReading } from './scope.js'

/** What is new in a chat, as it happens: for its page, for pages without JavaScript, and for programs. */
export function live(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/live' })

  router.get('/', async ctx => {
    if (ctx.res instanceof UpgradeResponse && ctx.res.asksForWebSocket) {
      await openSocket(parts, ctx, ctx.res)
    } else if (ctx.state.form === 'json') {
      await openEvents(parts, ctx)
    } else if (ctx.state.form === 'fragment' || ctx.get('accept').includes('text/event-stream')) {
      await openPageEvents(parts, ctx)
    } else {
      await openFrame(parts, ctx)
    }
  })

  return router
}

/** Server-sent events for programs. */
async function openEvents(parts: Parts, ctx: Context) {
  const reading = await requireReading(parts, ctx)
  const after = await readCursor(parts, ctx, reading)
  ctx.set('Content-Type', EVENT_STREAM)
  await openResponse(parts, ctx, reading, { after, format: EVENTS, opening: EVENTS.opening })
}

/** Server-sent events of HTML for the chat's page. */
async function openPageEvents(parts: Parts, ctx: Context) {
  const reading = await requireReading(parts, ctx)
  const after = await readCursor(parts, ctx, reading)
  const { uri } = reading
  const format = pageFormat(uri, version =>
    parts.views.render('messages/_tail.njk', { uri, version, more: false, slow: true }),
  )
  ctx.set('Content-Type', EVENT_STREAM)
  await openResponse(parts, ctx, reading, { after, format, opening: format.opening })
}

const EVENT_STREAM = 'text/event-stream; charset=utf-8'

/**
 * The messages as a page of their own, which grows in a frame of the chat's page. Where it may not grow it asks to be loaded
 * again, and outside of a frame (text browsers have none: they offer it as a link, and would wait for its end) it just ends.
 */
async function openFrame(parts: Parts, ctx: Context) {
  ctx.state.isFrame = true
  const framed = isFramed(ctx)
  try {
    const reading = await requireReading(parts, ctx)
    const view = await chatView(parts.db, reading.feed.chat_id, { messages: LIMITS.messagesPerPage, members: 0 })
    const values = { ...view, uri: reading.uri, me: reading.user.id, framed }
    try {
      if (!framed) {
        showPage(parts, ctx, 'live/messages.njk', { ...values, ends: true })
        return
      }
      ctx.type = 'html'
      const opening = renderPage(parts, ctx, 'live/messages.njk', { ...values, ends: false })
      await openResponse(parts, ctx, reading, { after: view.version, format: FRAME, opening })
    } catch (error) {
      if (asRefusal(error).status !== 503) {
        throw error
      }
      ctx.status = 503
      ctx.set(asRefusal(error).headers)
      showPage(parts, ctx, 'live/messages.njk', { ...values, ends: true })
    }
  } catch (error) {
    const { status, message: sentence, headers } = asRefusal(error)
    logCause(parts, error)
    ctx.status = status
    ctx.set(headers)
    showPage(parts, ctx, 'live/refusal.njk', { sentence, status, next: chatPath(readUri(ctx)) })
  }
}

/** Browsers say so, but on plain http for localhost alone; elsewhere by what else they send, and text browsers do not. */
function isFramed(ctx: Context): boolean {
  const dest = ctx.get('sec-fetch-dest')
  return dest === 'iframe' || (dest === '' && ctx.get('upgrade-insecure-requests') === '1')
}

async function openResponse(
  parts: Parts,
  ctx: Context,
  reading: ReadingMember,
  { after, format, opening }: { after: number; format: Format; opening: string },
) {
  ctx.status = 200
  // nginx would hold back what is written otherwise.
  ctx.set('X-Accel-Buffering', 'no')
  if (ctx.method !== 'HEAD') {
    const reader = await admit(parts, ctx, reading)
    const { res } = ctx
    ctx.state.openStream = () => {
      parts.live.run(new ResponseStream(reader, reading.feed, res, format, opening), after)
    }
  }
}

/** A WebSocket: each event is a message, and a message sent is posted. */
async function openSocket(parts: Parts, ctx: Context, upgrade: UpgradeResponse) {
  const reading = await requireReading(parts, ctx)
  // Other sites can open WebSockets to here with our cookies, and read what comes.
  if (ctx.state.credential?.kind === 'session' && (!ctx.get('origin') || !isOwnOrigin(parts, ctx))) {
    throw new Refusal(403, 'This request came from another site. Please open the page here and try again.')
  }
  const after = await readCursor(parts, ctx, reading)
  const reader = await admit(parts, ctx, reading)
  ctx.state.openStream = () => {
    upgrade.accept({
      begin(socket, wire) {
        parts.live.run(new SocketStream(reader, reading.feed, socket, wire), after)
        takePosts(parts, reading, reader, socket)
      },
      fail: () => parts.live.streams.release(reader),
    })
  }
}

/** Answers each message that comes by the socket as POST would, one after the other. */
function takePosts(parts: Parts, { uri, user }: ReadingMember, reader: Reader, socket: WebSocket) {
  let last = Promise.resolve()
  socket.on('message', data => {
    socket.pause()
    last = last.then(async () => {
      socket.send(JSON.stringify(await answer(data as Buffer)))
      socket.resume()
    })
  })

  async function answer(data: Buffer) {
    let key: unknown
    try {
      const sent = await fields('application/json', '', data)
      key = sent.key
      if (!(await parts.live.identify(reader.credential))) {
        throw notSignedIn()
      }
      const { message, posted } = await postMessage(parts, uri, user, sent)
      return { ...postedJson(posted, uri, user, message), key }
    } catch (error) {
      logCause(parts, error)
      return { ...problemJson(asRefusal(error)), key }
    }
  }
}

/** Takes a place for a stream. Throws 503 where there is none. */
async function admit({ live }: Parts, ctx: Context, reading: ReadingMember): Promise<Reader> {
  const { credential } = ctx.state
  const identity = credential && (await live.identify(credential))
  if (!identity) {
    throw notSignedIn()
  }
  const { user_version, endsAt, user } = identity
  const reader = { user_id: user.id, user_version, endsAt, credential, address: addressOf(ctx) }
  if (!live.keeps(reading) || !live.streams.admit(reader)) {
    throw unavailable(
      'Too many pages and programs follow chats for you at this moment. Close some, or try again later.',
      30,
    )
  }
  return reader
}

/** Where the stream begins: after the cursor in its address or the last event that came, whichever is later; else from now on. */
async function readCursor(parts: Parts, ctx: Context, reading: ReadingMember): Promise<number> {
  const { after } = readQuery(ctx, streamQuery)
  const last = ctx.get('last-event-id') === '' ? undefined : check(ctx.get('last-event-id'), lastEventId)
  if (after === undefined && last === undefined) {
    return reading.feed.version
  }
  const cursor = Math.max(after ?? 0, last ?? 0)
  await requireCursor(parts, ctx, reading, cursor)
  return cursor
}
