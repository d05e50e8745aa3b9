import Router from '@koa/router'
import { markRead } from '../db/reads.js'
import { asRefusal } from '../errors.js'
import { shareUrl } from '../http/address.js'
import { allStreamed, streamed } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { check, readQuery } from '../http/input.js'
import { mark } from '../http/marks.js'
import { logCause } from '../http/request-log.js'
import { redirect, renderPage, showPage } from '../http/respond.js'
import { allStreamQuery, frameQuery, lastEventId, streamQuery } from '../http/schemas.js'
import { UpgradeResponse } from '../http/websockets.js'
import { chunked } from '../live/chunks.js'
import { EVENTS, frameFormat, LIST, pageFormat, ready } from '../live/formats.js'
import { type Format, ResponseStream } from '../live/response-stream.js'
import { SocketStream } from '../live/socket-stream.js'
import { openAllChats } from './all-chats.js'
import { chatOnPage, isEmpty } from './chat-page.js'
import { admit, type Followed, readerOf, tooManyStreams } from './readers.js'
import { chatPath, EXACT, limitLists, type ReadingMember, readUri, requireCursor, requireReading } from './scope.js'
import { requireOwnOrigin, takePosts } from './sockets.js'

/** Streams of a chat's events: for its page, for pages without JavaScript, and for programs. */
export function live(parts: Parts) {
  const router = new Router<State>(EXACT)

  const following = mark({
    poll: true,
    ticketed: true,
    query: streamQuery,
    operation: {
      id: 'followChat',
      does: 'Follow a chat by server-sent events, or by WebSocket',
      who: 'member',
      scope: 'read',
      takes: ['Last-Event-ID'],
      answers: { 200: streamed },
      types: ['text/event-stream'],
      problems: ['cursor_ahead', 'too_many_streams', 'restarting', 'other_site'],
    },
  })
  router.get('/chats/:uri/live', following, async ctx => {
    if (ctx.res instanceof UpgradeResponse) {
      await openSocket(parts, ctx, ctx.res)
    } else if (ctx.state.form === 'json') {
      await openEvents(parts, ctx)
    } else if (ctx.state.form === 'fragment' || ctx.get('accept').includes('text/event-stream')) {
      await openPageEvents(parts, ctx)
    } else {
      await openFrame(parts, ctx)
    }
  })

  /** For programs, which follow all their chats, and for the start page, which follows its list of chats. */
  const followingAll = mark({
    poll: true,
    ticketed: true,
    query: allStreamQuery,
    operation: {
      id: 'followAllChats',
      does: 'Follow all your chats by server-sent events, or by WebSocket',
      who: 'user',
      scope: 'read',
      takes: ['Last-Event-ID'],
      answers: { 200: allStreamed },
      types: ['text/event-stream'],
      problems: ['cursor_gone', 'too_many_streams', 'restarting', 'other_site'],
    },
  })
  router.get('/live', followingAll, async ctx => {
    const user = requireUser(ctx)
    if (ctx.state.form === 'fragment') {
      ctx.set('Content-Type', EVENT_STREAM)
      openResponse(parts, ctx, { user, feed: undefined }, LIST, 0)
    } else if (ctx.state.form === 'json' || ctx.res instanceof UpgradeResponse) {
      await openAllChats(parts, ctx, user)
    } else {
      await redirect(ctx, '/')
    }
  })

  return router
}

/** Server-sent events for programs. */
async function openEvents(parts: Parts, ctx: RouteContext) {
  const reading = await requireReading(parts, ctx)
  const { after } = await readCursor(parts, ctx, reading)
  ctx.set('Content-Type', EVENT_STREAM)
  openResponse(parts, ctx, reading, ctx.req.httpVersion === '1.0' ? EVENTS : CHUNKED_EVENTS, after)
}

/** Server-sent events of HTML for the chat's page. */
async function openPageEvents(parts: Parts, ctx: RouteContext) {
  const reading = await requireReading(parts, ctx)
  const { sent, after } = await readCursor(parts, ctx, reading)
  const { uri } = reading
  const tail = (version: number) =>
    parts.views.fragment('messages/_tail.njk', { uri, version, more: false, slow: true })
  const format = pageFormat(uri, tail, sent)
  ctx.set('Content-Type', EVENT_STREAM)
  openResponse(parts, ctx, reading, format, after)
}

const CHUNKED_EVENTS = chunked(EVENTS)

const EVENT_STREAM = 'text/event-stream; charset=utf-8'

/**
 * The messages as a page that grows, for browsers without JavaScript. It stands in a frame within a frame of the chat's page; the outer
 * frame loads it again. Where there is no room for another stream, the page is complete and ends. It ends outside of frames too: text
 * browsers show it as a link, and would wait for its end.
 */
async function openFrame(parts: Parts, ctx: RouteContext) {
  ctx.state.isFrame = true
  const framed = isFramed(ctx)
  try {
    const reading = await requireReading(parts, ctx)
    const unread_from = readQuery(ctx, frameQuery).unread ?? null
    if (framed && ctx.query.inside === undefined) {
      showPage(parts, ctx, 'live/frame.njk', { uri: reading.uri, unread_from })
      return
    }
    limitLists(parts, ctx, reading.user)
    const newest = await chatOnPage(parts, reading, { members: 0 })
    // What is said in an empty chat goes by how many are there.
    const view = isEmpty(newest) ? await chatOnPage(parts, reading, { members: 1 }) : newest
    const { uri, user } = reading
    const share_url = shareUrl(ctx, parts.config, chatPath(uri))
    const values = { ...view, uri, me: user.id, empty: isEmpty(view), share_url, framed, unread_from }
    if (framed && parts.live.streams.hasRoom(readerOf(ctx, reading))) {
      ctx.type = 'html'
      const opening = renderPage(parts, ctx, 'live/messages.njk', { ...values, ends: false })
      openResponse(parts, ctx, reading, frameFormat(opening), view.version, version => {
        noteRead(parts, reading, version)
      })
    } else {
      noteRead(parts, reading, view.version)
      showPage(parts, ctx, 'live/messages.njk', { ...values, ends: true })
      if (framed) {
        ctx.status = 503
        ctx.set(tooManyStreams().headers)
      }
    }
  } catch (error) {
    const { code, status, message: sentence, headers } = asRefusal(error)
    logCause(parts, error)
    parts.refusals.note(code)
    ctx.status = status
    ctx.set(headers)
    showPage(parts, ctx, 'live/refusal.njk', { sentence, status, next: chatPath(readUri(ctx)) })
  }
}

/** Browsers send Sec-Fetch-Dest only over https and to localhost. Elsewhere another header tells them from text browsers. */
function isFramed(ctx: RouteContext): boolean {
  const dest = ctx.get('sec-fetch-dest')
  return dest === 'iframe' || (dest === '' && ctx.get('upgrade-insecure-requests') === '1')
}

/** Throws 503 where there are too many streams. */
function openResponse(
  parts: Parts,
  ctx: RouteContext,
  reading: Followed,
  format: Format,
  after: number,
  onLeft = (_version: number) => {},
) {
  ctx.status = 200
  // Otherwise nginx buffers the stream.
  ctx.set('X-Accel-Buffering', 'no')
  if (ctx.method !== 'HEAD') {
    const reader = admit(parts, ctx, reading)
    const { res } = ctx
    ctx.state.openStream = () => {
      const stream = new ResponseStream(reader, reading.feed, res, format, after)
      stream.whenLeft(onLeft)
      parts.live.run(stream, after)
    }
  }
}

/**
 * A page without JavaScript cannot report what its reader has seen, so everything that was sent to its frame counts as read. If this
 * cannot be written, nothing is lost: the next page that is shown writes it.
 */
function noteRead({ db, live, log, limitRate }: Parts, { feed, user }: ReadingMember, version: number) {
  const read = async () => {
    limitRate('frames', user.id)
    await markRead(db, { chat_id: feed.chat_id, user_id: user.id }, version)
    live.chatLists.changed(user.id, feed.chat_id)
  }
  read().catch(error => log.debug({ err: error }, 'How far somebody has read was not written'))
}

/** A WebSocket: it carries the chat's events to a program, and messages from the program. */
async function openSocket(parts: Parts, ctx: RouteContext, upgrade: UpgradeResponse) {
  const reading = await requireReading(parts, ctx)
  requireOwnOrigin(parts, ctx)
  const { after } = await readCursor(parts, ctx, reading)
  const reader = admit(parts, ctx, reading)
  ctx.status = 101
  ctx.state.openStream = () => {
    upgrade.accept({
      begin(socket, wire) {
        const stream = new SocketStream(reader, reading.feed, socket, wire, ready(after))
        parts.live.run(stream, after)
        takePosts(parts, ctx, reading.user, stream, socket, reading.uri)
      },
      fail: () => parts.live.streams.release(reader),
    })
  }
}

/**
 * The cursor that was sent, the later one of `after` and Last-Event-ID, and the version that the stream begins after: where neither is sent, both
 * are the current version.
 */
async function readCursor(parts: Parts, ctx: RouteContext, reading: ReadingMember) {
  const { after } = readQuery(ctx, streamQuery)
  const last = ctx.get('last-event-id') === '' ? undefined : check(ctx.get('last-event-id'), lastEventId)
  if (after === undefined && last === undefined) {
    return { sent: reading.feed.version, after: reading.feed.version }
  }
  const sent = Math.max(after ?? 0, last ?? 0)
  return { sent, after: await requireCursor(parts, ctx, reading, sent) }
}
