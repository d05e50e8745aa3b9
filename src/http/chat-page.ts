import type { Entry } from '../live/entry.js'
import type { Feed } from '../live/feed.js'
import type { Logs } from '../live/logs.js'
import { type Piece, stored, storedAgain } from '../live/pieces.js'
import type { Cut } from '../live/surroundings.js'
import type { Answer, Context, Parts } from './context.js'
import { cut, filled, lengthsOf, markedFrame, ownOfFrame } from './cuts.js'
import { htmlAnswer } from './encodings.js'
import { frameOf } from './respond.js'
import type { FrameValues, PageValues } from './view-values.js'

/** `html`: of all entries, where it was put together before. */
type Values = PageValues['chats/show.njk'] & { html?: Piece | undefined }

/** What each request puts into a page that was rendered before: what is its reader's own, and what moves on with every message. */
type Own = Record<
  | 'csrf'
  | 'form_key'
  | 'key'
  | 'draft_of'
  | 'user_name'
  | 'user_initial'
  | 'me'
  | 'share_url'
  | 'share_size'
  | 'version'
  | 'first'
  | 'first_time'
  | 'log'
  | 'new_log',
  Piece
>

/**
 * A chat's page, put together from pieces: its log, and what stands around it. That is rendered once for all readers who see the
 * same there, for as long as the feed has its surroundings. A page that says what is new, or until when the chat is kept, is for one reader.
 */
export function chatPage(
  parts: Parts,
  ctx: Context,
  values: Values,
  feed: Feed,
): Pick<Answer, 'headers'> & { body: Buffer } {
  const frame = frameOf(parts, ctx)
  const own = ownOf(parts, frame, values, feed.logs)
  const make = () => cutPage(parts, frame, values, own)
  const { surroundings } = feed
  const isCommon = values.unread_from === null && values.kept === null
  const page = isCommon && surroundings?.isOf(values.chat) ? surroundings.page(keyOf(frame, values, own), make) : make()
  return htmlAnswer(ctx, filled(page, own))
}

/**
 * What decides how a page looks, beside its surroundings and what is in `Own`; and how its pieces are compressed, which is the length of all
 * that stands between them. Only for pages that say nothing of what is unread.
 */
function keyOf(
  { user, preferences }: FrameValues,
  { members, me, chat, more, empty, has_code, entries }: Values,
  { log, new_log, ...between }: Own,
): string {
  const listed = members.some(({ id }) => id === me) ? me : 0
  const { theme, text_size, enter } = preferences
  const kind = [
    theme,
    text_size,
    enter,
    user?.kind,
    listed,
    chat.owner_id === me,
    more,
    empty,
    has_code,
    dayAbove(entries),
    ...lengthsOf(between),
  ]
  return kind.join()
}

/** The day (UTC) above the list where its first entry does not say it. */
function dayAbove([first]: readonly Entry[]): string | null {
  const day = first?.event.created_at.toISOString().slice(0, 10)
  return day && day === first?.event.previous_created_at?.toISOString().slice(0, 10) ? day : null
}

/** Renders the page with marks in the place of what each request puts in. What stands behind the log repeats nothing before it. */
function cutPage({ views }: Parts, frame: FrameValues, values: Values, own: Own): Cut<keyof Own> {
  const { entries, unread_from, me, share_url } = values
  const { read, fresh } = byNews(entries, unread_from)
  return cut(own, ['log', 'new_log'], mark => {
    const marked = (name: 'log' | 'new_log', [first]: readonly Entry[]) =>
      first
        ? [
            {
              version: first.version,
              event: {
                ...first.event,
                version: mark('first'),
                created_at: new MarkedDate(first.event.created_at, mark('first_time')),
              },
              html: () => mark(name),
            },
          ]
        : []
    return views.page('chats/show.njk', {
      ...values,
      ...markedFrame(frame, mark),
      key: mark('key'),
      draft_of: mark('draft_of'),
      me: new Marked(me, mark('me')) as unknown as number,
      share_url: new Marked(share_url, mark('share_url'), mark('share_size')) as unknown as string,
      version: mark('version') as unknown as number,
      entries: [...marked('log', read), ...marked('new_log', fresh)] as unknown as Entry[],
    })
  })
}

/** The entries before the first one that is new to the reader, and those from there on. */
function byNews(entries: readonly Entry[], unread_from: number | null) {
  if (unread_from === null) {
    return { read: entries, fresh: [] }
  }
  const isNew = ({ version }: Entry) => version >= unread_from
  return { read: entries.filter(entry => !isNew(entry)), fresh: entries.filter(isNew) }
}

function ownOf(
  { views }: Parts,
  frame: FrameValues,
  { key, draft_of, me, share_url, version, entries, unread_from, html }: Values,
  logs: Logs,
): Own {
  const [first] = entries
  const { read, fresh } = byNews(entries, unread_from)
  return {
    ...ownOfFrame(views, frame),
    key: stored(key),
    draft_of: storedAgain(draft_of),
    me: storedAgain(String(me)),
    share_url: storedAgain(views.escape(share_url)),
    share_size: storedAgain(String(share_url.length)),
    version: storedAgain(String(version)),
    first: storedAgain(String(first?.version)),
    first_time: storedAgain(first?.event.created_at.toISOString() ?? ''),
    log: html && fresh.length === 0 ? html : logs.html(read, version, me),
    new_log: logs.html(fresh, version, me),
  }
}

/** A value that a view compares as it is, and writes as a mark. */
class Marked<T> {
  readonly length: string
  private readonly value: T
  private readonly mark: string

  constructor(value: T, mark: string, length = '') {
    this.value = value
    this.mark = mark
    this.length = length
  }

  valueOf() {
    return this.value
  }

  toString() {
    return this.mark
  }
}

/** A time that a view compares as it is, and writes as a mark where it writes all of it. */
class MarkedDate extends Date {
  private readonly mark: string

  constructor(date: Date, mark: string) {
    super(date)
    this.mark = mark
  }

  override toISOString() {
    return this.mark
  }
}
