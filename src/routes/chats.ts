import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { createChat, findChat } from '../db/chats.js'
import { newestMessages } from '../db/events.js'
import { countedMembers, isKnownToOwner } from '../db/members.js'
import type { User } from '../db/users.js'
import { absolute, shareUrl } from '../http/address.js'
import { chatWithMembers, startedChat } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { isFromElsewhere } from '../http/csrf.js'
import { read, takeKey } from '../http/input.js'
import { chatJson, listJson, memberJson, standingJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { ownChange, rememberChange } from '../http/own-changes.js'
import { chatText } from '../http/plain-text.js'
import { redirect, respond, seeOther, showFragment, showPage } from '../http/respond.js'
import { newChat } from '../http/schemas.js'
import type { FormValues } from '../http/view-values.js'
import { isVisit } from '../http/visits.js'
import { randomKey } from '../keys.js'
import { fromMemory, headerOf, showChat } from './chat-page.js'
import { enter, fillMembers, seenHere } from './members.js'
import {
  chatPath,
  EXACT,
  limit,
  limitChats,
  limitLists,
  type MemberChat,
  readUri,
  requireChat,
  requireMember,
  type SeenChat,
} from './scope.js'
import { once } from './submissions.js'

/** Starting a chat, and its page. */
export function chats(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats' })

  const starting = {
    id: 'startChat',
    does: 'Start a chat',
    who: 'user',
    scope: 'manage',
    takes: ['Idempotency-Key'],
  } as const
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

  const getting = {
    id: 'getChat',
    does: 'A chat and its members',
    who: 'member',
    scope: 'read',
    problems: ['rate_limited'],
  } as const
  router.get(
    '/:uri',
    mark({
      short: fromMemory(parts),
      text: true,
      gzip: true,
      operation: { ...getting, answers: { 200: chatWithMembers } },
    }),
    async ctx => {
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
        text: async () => {
          const chat = await requireMember(parts, ctx)
          limitLists(parts, ctx, chat.user)
          const { messages, more } = await newestMessages(db, chat.id, LIMITS.messagesPerPage)
          return chatText(chat, messages, more ? absolute(parts, ctx, olderPath(chat, messages)) : undefined)
        },
      })
    },
  )

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

function olderPath({ uri }: MemberChat, [oldest]: readonly { id: number }[]): string {
  return `/api/chats/${uri}/messages/?before=${oldest?.id}`
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
  const known = user && live.remembered(readUri(ctx), user.id)
  if (!known || known.feed.version < ownChange(ctx)) {
    return undefined
  }
  const { feed, name, surroundings } = known
  return { ...surroundings.chat, version: feed.version, member_name: name, askedAt: feed.askedAt }
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
