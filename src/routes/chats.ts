import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { keptUntil } from '../db/abandoned-chats.js'
import { createChat, findChat } from '../db/chats.js'
import { chatView, findMessage, type Part } from '../db/events.js'
import { countedMembers, isKnownToOwner, type Member } from '../db/members.js'
import type { Standing } from '../db/reads.js'
import type { User } from '../db/users.js'
import { isReadOnly } from '../errors.js'
import { absolute, shareUrl } from '../http/address.js'
import { chatWithMembers, startedChat } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import { showChatPage } from '../http/chat-page.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { isFromElsewhere } from '../http/csrf.js'
import { read, readQuery, takeKey } from '../http/input.js'
import { chatJson, listJson, memberJson, standingJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { ownChange, rememberChange } from '../http/own-changes.js'
import { hasQrCode } from '../http/qr-code.js'
import { logFailure } from '../http/request-log.js'
import { redirect, respond, seeOther, showFragment, showPage } from '../http/respond.js'
import { newChat, pageQuery } from '../http/schemas.js'
import type { FormValues } from '../http/view-values.js'
import { isVisit } from '../http/visits.js'
import { draftSeal, randomKey } from '../keys.js'
import type { ListEnd } from '../live/window.js'
import { fill } from '../slices.js'
import { enter, fillMembers, seenHere } from './members.js'
import {
  chatPath,
  EXACT,
  limit,
  limitChats,
  limitLists,
  type MemberChat,
  type ReadingMember,
  readUri,
  requireChat,
  requireMember,
  requireReading,
  type SeenChat,
} from './scope.js'
import { chatName } from './settings.js'
import { once } from './submissions.js'

/** Starting a chat, and its page. */
export function chats(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats' })

  const starting = { id: 'startChat', does: 'Start a chat', who: 'user', takes: ['Idempotency-Key'] } as const
  const operation = { ...starting, answers: { 201: startedChat }, example: { title: 'Release party' } }
  router.post('/', mark({ rate: 'tries', body: newChat, lenient: true, operation }), async ctx => {
    const user = requireUser(ctx)
    limit(parts, ctx)
    const { title } = read(ctx, newChat)
    takeKey(ctx)
    const { path } = await once(parts, ctx, async ({ submission }) => {
      await limitChats(parts, ctx, user)
      const uri = randomKey(16)
      const path = chatPath(uri)
      const chat_id = await createChat(db, { owner_id: user.id, uri, title }, submission && { ...submission, path })
      parts.live.chatLists.changed(user.id, chat_id)
      return { user: null, path }
    })
    await redirect(ctx, path, async () => {
      const uri = path.slice(chatPath('').length)
      ctx.status = 201
      ctx.set('Location', absolute(parts, ctx, `/api/chats/${uri}/`))
      const chat = await findChat(db, uri, user.id)
      return { status: 'SUCCESS', message: 'New chat session created', ...(chat ? chatJson(chat) : { uri }) }
    })
  })

  const getting = { id: 'getChat', does: 'A chat and its members', who: 'member', problems: ['rate_limited'] } as const
  router.get('/:uri', mark({ operation: { ...getting, answers: { 200: chatWithMembers } } }), async ctx => {
    await respond(ctx, {
      page: () => visitChat(parts, ctx),
      fragment: () => visitChat(parts, ctx),
      json: async () => {
        const chat = await requireMember(parts, ctx)
        limitLists(parts, ctx, chat.user)
        const reader = { user_id: chat.user.id, reads: null }
        const limit = LIMITS.messagesPerListAtMost
        const { members, standing } = await countedMembers(db, chat.id, limit + 1, reader)
        const { texts, more } = await fillMembers(
          parts,
          ctx,
          chat,
          seenHere(parts, chat.id, members),
          limit,
          memberJson,
        )
        return listJson({ ...chatJson(chat), ...standingJson(standing), more }, 'members', texts)
      },
    })
  })

  /** The part above the messages, for an open page whose chat has changed. */
  router.get('/:uri/header', mark({ forPages: true }), async ctx => {
    const chat = await requireMember(parts, ctx)
    await respond(ctx, {
      page: () => seeOther(ctx, chatPath(chat.current_uri)),
      fragment: () => showHeader(parts, ctx, chat),
      json: () => chatJson(chat),
    })
  })

  return router
}

/** A page that was opened while the chat was read-only has no composer. It is reloaded once the chat is no longer read-only. */
function showHeader(parts: Parts, ctx: RouteContext, chat: MemberChat) {
  if (ctx.query.writable === 'no' && chat.read_only_at === null) {
    ctx.status = 204
    ctx.set('HX-Refresh', 'true')
  } else {
    showFragment(parts, ctx, 'chats/_header_again.njk', headerOf(parts, ctx, chat, chat.user))
  }
}

function headerOf({ config }: Parts, ctx: RouteContext, chat: SeenChat, { id }: User) {
  const share_url = shareUrl(ctx, config, chatPath(chat.current_uri))
  return { chat, name: chatName(chat), me: id, share_url, has_code: hasQrCode(share_url) }
}

/** Shows the chat to its members. A user who opens its URL becomes a member. Visitors see who invites them, and nothing else. */
async function visitChat(parts: Parts, ctx: RouteContext) {
  const chat = rememberedChat(parts, ctx) ?? (await requireChat(parts, ctx))
  const { user } = ctx.state
  if (!user) {
    showInvitation(parts, ctx, chat, { next: chatPath(chat.uri), values: {}, errors: {} })
  } else if (chat.member_name === null && !(await joinsByComing(parts, ctx, chat, user))) {
    showPage(parts, ctx, 'chats/join.njk', { chat })
  } else if (chat.current_uri !== chat.uri && ctx.state.form === 'page') {
    // The link was replaced. For others than members it has ended, and this is not reached.
    rememberChange(parts, ctx, chat.current_uri, chat.version)
    seeOther(ctx, chatPath(chat.current_uri) + ctx.search)
  } else {
    limitLists(parts, ctx, user)
    if (chat.member_name === null) {
      await enter(parts, ctx, chat.uri, user)
      await showChat(parts, ctx, await requireMember(parts, ctx), user)
      return
    }
    await showChat(parts, ctx, chat, user)
  }
}

/** The chat as memory has it, unless the member knows better by their own change. */
function rememberedChat({ live }: Parts, ctx: RouteContext): SeenChat | undefined {
  const { user } = ctx.state
  const chat = user && live.remembered(readUri(ctx), user.id)
  return chat && chat.version >= ownChange(ctx) ? chat : undefined
}

/** Shows visitors who invites them, and a form to come in. */
export function showInvitation(parts: Parts, ctx: RouteContext, chat: SeenChat, form: FormValues) {
  const { config, assets } = parts
  const preview_url = shareUrl(ctx, config, assets.paths.preview_png ?? '/')
  showPage(parts, ctx, 'chats/invite.njk', { ...form, chat, preview_url })
}

/**
 * Whether opening the page makes the user a member, which tells the chat's owner who they are. It does not where another site has led
 * them here, because they cannot see there what they click on; unless the owner knows them already.
 */
async function joinsByComing(parts: Parts, ctx: RouteContext, chat: SeenChat, user: User): Promise<boolean> {
  return isVisit(ctx) && (!isFromElsewhere(parts, ctx) || (await isKnownToOwner(parts.db, chat, user.id)))
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
  const { standing, ...view } = await chatOnPage(parts, { ...reading, user }, part)
  const { feed } = reading
  if (!past && standing && !feed.surroundings) {
    feed.surround(chat, view.members, view.member_count)
  }
  const values = {
    ...headerOf(parts, ctx, chat, user),
    ...view,
    // Who is here is asked for by the page, as that changes without an event.
    members: view.members.map(member => ({ ...member, here: false })),
    kept: await keptUntil(parts.db, chat),
    empty: !past && !view.more && view.entries.every(entry => entry.event.kind !== 'message'),
    past,
    unread: standing?.unread ?? 0,
    unread_from: past ? null : (standing?.first_unread ?? null),
    reply: reply === undefined ? null : ((await findMessage(parts.db, chat.id, reply)) ?? null),
    composer: unsent ?? { text: '', key: null, sentence: '' },
    key: unsent?.key ?? randomKey(16),
    draft_of: draftSeal(parts.secret, chat.uri, user.id),
  }
  if (past || reply !== undefined || unsent || view.entries.length === 0) {
    showPage(parts, ctx, 'chats/show.njk', values)
    return
  }
  showChatPage(parts, ctx, values, feed)
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
