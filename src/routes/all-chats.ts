import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { CursorGone, cursorNow, happeningsAfter, type Page, requireCursor } from '../db/all-chats.js'
import { type Cursor, cursorText, readCursor } from '../db/cursors.js'
import type { User } from '../db/users.js'
import { Refusal } from '../errors.js'
import { absolute } from '../http/address.js'
import { happeningList } from '../http/answers.js'
import { requireStill, requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { readQuery } from '../http/input.js'
import { happeningJson, happeningTold, listJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect } from '../http/respond.js'
import { allEventsQuery, allStreamQuery } from '../http/schemas.js'
import { UpgradeResponse } from '../http/websockets.js'
import { chunked } from '../live/chunks.js'
import { firstPage } from '../live/follow-all.js'
import { allEvents } from '../live/formats.js'
import { ResponseStream } from '../live/response-stream.js'
import { SocketStream } from '../live/socket-stream.js'
import { allReady, type Position } from '../live/told.js'
import { WaitingStream } from '../live/waiting-stream.js'
import { fill } from '../slices.js'
import { admit } from './readers.js'
import { EXACT, limitLists } from './scope.js'
import { requireOwnOrigin, takePosts } from './sockets.js'

/** What happens in all chats of a user, for programs: by asking for it. Streams are in live.ts. */
export function allChats(parts: Parts) {
  const router = new Router<State>(EXACT)

  const asking = mark({
    query: allEventsQuery,
    operation: {
      id: 'listEvents',
      does: 'Ask for what happens in all your chats',
      who: 'user',
      scope: 'read',
      answers: { 200: happeningList },
      problems: ['cursor_gone', 'too_many_streams', 'restarting'],
    },
  })
  router.get('/events', asking, async ctx => {
    const user = requireUser(ctx)
    await redirect(ctx, '/', () => listHappenings(parts, ctx, user))
  })

  return router
}

/** `next` leads on where the list was cut. `cursor` is to be kept, and leads on in any case. */
async function listHappenings(parts: Parts, ctx: RouteContext, user: User) {
  const { after, wait = 0, limit = LIMITS.messagesPerList } = readQuery(ctx, allEventsQuery)
  limitLists(parts, ctx, user)
  if (after === undefined) {
    return { items: [], cursor: cursorText(await cursorNow(parts.db)), next: null }
  }
  const from = await knownCursor(parts, after)
  const read = () => orGone(happeningsAfter(parts.db, user.id, from, limit))
  const page = wait > 0 ? await awaitHappenings(parts, ctx, user, wait, read) : await read()
  const { items, texts, cut } = await fill(page.happenings, LIMITS.listBytes, happening =>
    JSON.stringify(happeningJson(happening)),
  )
  const cursor = cursorText((cut && items.at(-1)?.cursor) ?? page.cursor)
  const next = cut || page.more ? absolute(parts, ctx, `/api/events/?after=${cursor}&limit=${limit}`) : null
  if (next) {
    ctx.set('Link', `<${next}>; rel="next"`)
  }
  return listJson({ cursor, next }, 'items', texts)
}

/** Waits until there is something to read, for so many seconds at most. Counts as an open stream meanwhile. */
async function awaitHappenings(
  parts: Parts,
  ctx: RouteContext,
  user: User,
  seconds: number,
  read: () => Promise<Page>,
) {
  const { live } = parts
  const stream = new WaitingStream(admit(parts, ctx, { user, feed: undefined }), undefined)
  const stop = () => stream.drop()
  const timer = setTimeout(stop, seconds * 1000)
  ctx.res.once('close', stop)
  live.run(stream, 0)
  try {
    const page = await firstPage(live.watched, stream, read)
    await requireStill(parts, stream.reader.credential)
    return page
  } finally {
    clearTimeout(timer)
    ctx.res.off('close', stop)
    stop()
  }
}

/** Server-sent events of all chats, or a WebSocket. */
export async function openAllChats(parts: Parts, ctx: RouteContext, user: User) {
  const { live } = parts
  if (ctx.res instanceof UpgradeResponse) {
    requireOwnOrigin(parts, ctx)
  }
  const position: Position = { cursor: await readPosition(parts, ctx, user) }
  ctx.set('Content-Type', 'text/event-stream; charset=utf-8')
  // Otherwise nginx buffers the stream.
  ctx.set('X-Accel-Buffering', 'no')
  ctx.status = 200
  if (ctx.method === 'HEAD') {
    return
  }
  const reader = admit(parts, ctx, { user, feed: undefined })
  const { res } = ctx
  ctx.state.openStream = () => {
    if (res instanceof UpgradeResponse) {
      res.accept({
        begin(socket, wire) {
          const stream = new SocketStream(reader, undefined, socket, wire, allReady(position.cursor))
          live.runAll(stream, position, happeningTold)
          takePosts(parts, ctx, user, stream, socket)
        },
        fail: () => live.streams.release(reader),
      })
    } else {
      const format = allEvents(position)
      const isOld = ctx.req.httpVersion === '1.0'
      const stream = new ResponseStream(reader, undefined, res, isOld ? format : chunked(format), 0)
      live.runAll(stream, position, happeningTold)
    }
  }
}

/** Where the stream begins. A browser that comes back by itself sends the address of before, and the cursor that it has in a header. */
async function readPosition({ db }: Parts, ctx: RouteContext, user: User): Promise<Cursor> {
  const { after } = readQuery(ctx, allStreamQuery)
  const text = ctx.get('last-event-id') || after
  if (text === undefined) {
    return cursorNow(db)
  }
  const cursor = await knownCursor({ db }, text)
  await orGone(requireCursor(db, user.id, cursor))
  return cursor
}

/** Throws 410 for what is no cursor. */
async function knownCursor({ db }: Pick<Parts, 'db'>, text: string): Promise<Cursor> {
  const cursor = readCursor(text)
  if (!cursor) {
    throw cursorGone(await cursorNow(db))
  }
  return cursor
}

async function orGone<T>(reading: Promise<T>): Promise<T> {
  return reading.catch(error => {
    throw error instanceof CursorGone ? cursorGone(error.now) : error
  })
}

function cursorGone(now: Cursor): Refusal {
  const sentence =
    'This cursor leads nowhere any more: it is too old, or not of here. Go on from the one in this answer, and read your chats for what came before it.'
  return new Refusal('cursor_gone', sentence, { extra: { cursor: cursorText(now) } })
}
