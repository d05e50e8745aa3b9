import { LIMITS } from '../config.js'
import type { Answer, Parts, RouteContext, ShortWay } from '../http/context.js'
import { readQuery } from '../http/input.js'
import { ledTo, showFragment } from '../http/respond.js'
import { eventsQuery, tailQuery } from '../http/schemas.js'
import type { Entry } from '../live/entry.js'
import { partial } from '../live/formats.js'
import { fill } from '../slices.js'
import { chatOnPage } from './chat-page.js'
import { limitLists, type ReadingMember, requireCursor, requireReading } from './scope.js'

/**
 * What htmx puts into the page after a change: all events that its reader has not seen, the change among them. `after` is the page's
 * cursor. A page without one is redirected to `path`.
 */
export async function newsFor(
  parts: Parts,
  ctx: RouteContext,
  after: number | undefined,
  version: number,
  path: string,
): Promise<Answer> {
  if (after === undefined) {
    // A page of older messages has no tail, and so no cursor.
    return ledTo(path)
  }
  if (after >= version) {
    return { status: 204, headers: {} }
  }
  const reading = await requireReading(parts, ctx)
  // Another process may have made the change.
  await reading.feed.catchUp(version)
  const from = await reading.feed.goesOnAfter(after)
  if (from === undefined) {
    // The page shows what a restored backup has lost.
    return ledTo(path)
  }
  // If a poll or the stream was faster, this tail is gone from the page, and nothing is put in twice.
  const body = Buffer.from(partial(`#tail-${after}`, await newsAfter(parts, reading, from)))
  return { status: 200, headers: IN_HTML, body }
}

const IN_HTML = { 'Content-Type': 'text/html; charset=utf-8' }

/** A poll without news. The tail of each page asks again and again, and most often there is nothing. */
export function pollFromMemory({ live }: Parts): ShortWay {
  return {
    form: 'fragment',
    query: '\\?after=(\\d{1,15})',
    answer: ({ state: { user } }, uri, after) => (user && live.isIdle(uri, user.id, Number(after)) ? IDLE : undefined),
  }
}

const IDLE = { status: 204, headers: {} }

/** Answers a poll: 204, or the newer events and a new tail. With `live=0`, from a page whose stream has ended, always a new tail. */
export async function showNews(parts: Parts, ctx: RouteContext) {
  const reading = await requireReading(parts, ctx)
  const { after, live } = readQuery(ctx, tailQuery)
  if (after === reading.feed.version && live !== '0') {
    ctx.status = 204
    return
  }
  const from = await requireCursor(parts, ctx, reading, after)
  limitNews(parts, ctx, reading, from)
  ctx.type = 'html'
  ctx.body = Buffer.from(await newsAfter(parts, reading, from))
}

/** Counts the reading, unless the reader is less than a page behind: that is answered from memory. Throws 429. */
export function limitNews(parts: Parts, ctx: RouteContext, { feed, user }: ReadingMember, after: number) {
  if (feed.version - after > LIMITS.messagesPerPage) {
    limitLists(parts, ctx, user)
  }
}

/** The events after a cursor as HTML, and a tail that asks for what comes after them. */
async function newsAfter({ views }: Parts, { feed, uri, user }: ReadingMember, after: number): Promise<string> {
  const entries = after < feed.version ? await feed.after(after, LIMITS.eventsPerPoll) : []
  const { texts, cut } = await fill(onceEach(entries), LIMITS.listBytes, entry =>
    entry.html(entry.event.author_id === user.id),
  )
  const version = cut ? cut.version - 1 : (entries.at(-1)?.version ?? after)
  const tail = views.fragment('messages/_tail.njk', { uri, version, more: version < feed.version, slow: false })
  return texts.join('') + tail
}

/** One event of each message: each event about a message shows it as it is now, so the first is enough. */
function onceEach(entries: readonly Entry[]): readonly Entry[] {
  const shown = new Set<number>()
  return entries.filter(({ event }) => !shown.has(event.id) && shown.add(event.id))
}

/** The messages before a cursor, in the place of the link to them. */
export async function showOlder(parts: Parts, ctx: RouteContext) {
  const reading = await requireReading(parts, ctx)
  const { before } = readQuery(ctx, eventsQuery)
  limitLists(parts, ctx, reading.user)
  const { entries, more } = await chatOnPage(parts, reading, { members: 0, before })
  showFragment(parts, ctx, 'messages/_older.njk', {
    uri: reading.uri,
    entries,
    more,
    unread_from: null,
    me: reading.user.id,
  })
}
