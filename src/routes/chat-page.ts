import { LIMITS } from '../config.js'
import { keptUntil } from '../db/abandoned-chats.js'
import type { Chat } from '../db/chats.js'
import { chatView, findMessage, type Part } from '../db/events.js'
import { countedMembers, type Member } from '../db/members.js'
import type { Standing } from '../db/reads.js'
import type { User } from '../db/users.js'
import { isReadOnly } from '../errors.js'
import { shareUrl } from '../http/address.js'
import { chatPage } from '../http/chat-page.js'
import type { Context, Parts, RouteContext, ShortWay } from '../http/context.js'
import { readQuery } from '../http/input.js'
import { ownChange } from '../http/own-changes.js'
import { hasQrCode } from '../http/qr-code.js'
import { logFailure } from '../http/request-log.js'
import { give, showPage } from '../http/respond.js'
import { pageQuery } from '../http/schemas.js'
import { isVisit } from '../http/visits.js'
import { draftSeal, randomKey } from '../keys.js'
import type { Piece } from '../live/pieces.js'
import type { Surroundings } from '../live/surroundings.js'
import type { ListEnd } from '../live/window.js'
import { fill } from '../slices.js'
import { chatPath, limitLists, type ReadingMember, requireReading, type SeenChat } from './scope.js'
import { chatName } from './settings.js'

/** The chat's page where memory has all of it and nothing in it is new to its reader: the same again, or with their own messages. */
export function fromMemory(parts: Parts): ShortWay {
  return {
    form: 'page',
    query: '',
    answer(ctx, uri) {
      const { user } = ctx.state
      const known = user && parts.live.remembered(uri, user.id)
      if (!known || known.surroundings.chat.accountless || known.feed.version < ownChange(ctx)) {
        return undefined
      }
      const { feed, surroundings } = known
      const end = feed.hasReadAll(user.id) ? feed.newest(LIMITS.messagesPerPage) : undefined
      const log = end && feed.logs.soon(end, user.id)
      if (!log || log.entries.length === 0) {
        return undefined
      }
      limitLists(parts, ctx, user)
      const { headers, body } = chatPage(parts, ctx, valuesOf(parts, ctx, user, log, surroundings), feed)
      return { status: 200, headers, body }
    },
  }
}

/** What stands above the messages. */
export function headerOf({ config }: Parts, ctx: Context, chat: Chat, { id }: User) {
  const share_url = shareUrl(ctx, config, chatPath(chat.current_uri))
  return { chat, name: chatName(chat), me: id, share_url, has_code: hasQrCode(share_url) }
}

/** A message that could not be sent, and why. */
interface Unsent {
  text: string
  key: string | null
  sentence: string
  reply_to: number | undefined
}

/** The chat's page for a member. */
export async function showChat(parts: Parts, ctx: RouteContext, chat: SeenChat, user: User, unsent?: Unsent) {
  const { before, from, reply } = ctx.method === 'GET' ? readQuery(ctx, pageQuery) : { reply: unsent?.reply_to }
  const past = before !== undefined || from !== undefined
  const reading = (await parts.live.learn(chat, user.id, chat.askedAt)) ?? (await requireReading(parts, ctx))
  const part = { members: LIMITS.membersOnPage, before, from, reads: !past && isVisit(ctx) }
  const shown = await chatOnPage(parts, { ...reading, user }, part)
  // Who is here is asked for by the page, as that changes without an event.
  const members = shown.members.map(member => ({ ...member, here: false }))
  const { feed } = reading
  if (!past && shown.standing && !feed.surroundings) {
    feed.surround(chat, members, shown.member_count)
  }
  const values = {
    ...valuesOf(parts, ctx, user, shown, { chat, members, member_count: shown.member_count }),
    newer: shown.newer,
    kept: await keptUntil(parts.db, chat),
    past,
    unread: shown.standing?.unread ?? 0,
    unread_from: past ? null : (shown.standing?.first_unread ?? null),
    reply: reply === undefined ? null : ((await findMessage(parts.db, chat.id, reply)) ?? null),
    ...(unsent ? { composer: unsent, key: unsent.key ?? randomKey(16) } : {}),
  }
  if (past || reply !== undefined || unsent || shown.entries.length === 0) {
    showPage(parts, ctx, 'chats/show.njk', { ...values, empty: !past && values.empty })
    return
  }
  give(ctx, { status: 200, ...chatPage(parts, ctx, values, feed) })
}

/** What the page shows of the chat's newest messages where nothing of it is new, and nothing was typed. */
function valuesOf(
  parts: Parts,
  ctx: Context,
  user: User,
  { entries, more, version, html }: ListEnd & { html?: Piece | undefined },
  { chat, members, member_count }: Pick<Surroundings, 'chat' | 'members' | 'member_count'>,
) {
  const { name, me, share_url, has_code } = headerOf(parts, ctx, chat, user)
  return {
    chat,
    name,
    me,
    share_url,
    has_code,
    entries,
    more,
    version,
    html,
    members,
    member_count,
    newer: null,
    kept: null,
    empty: isEmpty({ entries, more }),
    past: false,
    unread: 0,
    unread_from: null,
    reply: null,
    composer: { text: '', key: null, sentence: '' },
    key: randomKey(16),
    draft_of: draftSeal(parts.secret, chat.uri, user.id),
  }
}

/** Whether that is all of a chat, and nothing was said in it. */
export function isEmpty({ entries, more }: Pick<ListEnd, 'entries' | 'more'>): boolean {
  return !more && entries.every(entry => entry.event.kind !== 'message')
}

type PagePart = Omit<Part, 'messages'> & { members: number; reads?: boolean }

/**
 * What a page shows of a chat: its newest messages, those before `before`, or those from `from` on, rendered, as many as fit into
 * LIMITS.pageBytes; its version, its first members, and how far the reader had read. With `reads`, the messages count as read from now on.
 * `standing` is null where memory is certain that there is nothing new to the reader. `html` is that of the newest messages.
 */
export async function chatOnPage(parts: Parts, reading: ReadingMember, part: PagePart) {
  const view = await readPage(parts, reading, part).catch(error => {
    if (!part.reads || !isReadOnly(error)) {
      throw error
    }
    logFailure(parts, error, 'How far somebody has read was not noted')
    return readPage(parts, reading, { ...part, reads: false })
  })
  const { feed, user } = reading
  const { entries, more, newer } = view
  const isForward = part.from !== undefined
  if (!isForward && part.before === undefined) {
    return { ...view, ...(await feed.logs.of(view, user.id)) }
  }
  const { items, cut } = await fill(isForward ? entries : entries.toReversed(), LIMITS.pageBytes, entry =>
    entry.html(entry.event.author_id === user.id),
  )
  return isForward
    ? { ...view, entries: items, newer: cut?.version ?? newer, html: undefined }
    : { ...view, entries: items.reverse(), more: more || cut !== undefined, html: undefined }
}

/** Reads it, and keeps in memory how far the reader has read. */
async function readPage(parts: Parts, reading: ReadingMember, part: PagePart): Promise<View> {
  const { feed, user } = reading
  const view = await readPart(parts, reading, part)
  if (view.standing) {
    feed.noteRead(user.id, part.reads ? view.version : view.standing.last_read)
    if (part.reads) {
      parts.live.chatLists.changed(user.id, feed.chat_id)
    }
  }
  return view
}

/** Named, because lint took a minute to infer it from the queries. */
interface View extends ListEnd {
  newer: number | null
  members: readonly Member[]
  member_count: number
  standing: Standing | null
}

/** For pages that show messages only. */
const NO_MEMBERS = { members: [], member_count: 0, standing: null }

/** The newest messages come from the feed if it has them, else from the database; so does what stands around them. */
async function readPart(
  { db }: Parts,
  { feed, user }: ReadingMember,
  { members, before, from, reads = false }: PagePart,
): Promise<View> {
  const messages = LIMITS.messagesPerPage
  const isNewest = before === undefined && from === undefined
  const newest = isNewest ? feed.newest(messages) : undefined
  if (newest && members === 0) {
    return { ...newest, newer: null, ...NO_MEMBERS }
  }
  if (newest && feed.surroundings && feed.hasReadAll(user.id)) {
    const { members, member_count } = feed.surroundings
    return { ...newest, newer: null, members, member_count, standing: null }
  }
  if (newest) {
    const reader = { user_id: user.id, reads: reads ? newest.version : null }
    return { ...newest, newer: null, ...(await countedMembers(db, feed.chat_id, members, reader)) }
  }
  const reader = { user_id: user.id, reads: reads ? ('everything' as const) : null }
  const { events, ...view } = await chatView(db, feed.chat_id, { messages, members, before, from, reader })
  const entries = isNewest ? feed.keepNewest(events, view.more, view.version) : feed.entriesOf(events)
  return { entries, ...view }
}
