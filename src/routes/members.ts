import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { keptUntil } from '../db/abandoned-chats.js'
import { type Joined, joinChat } from '../db/chats.js'
import { leaveChat, type Member, membersOf, removeMember } from '../db/members.js'
import type { User } from '../db/users.js'
import { invalid, looksTaken, notFound, Refusal } from '../errors.js'
import { linkTo } from '../http/address.js'
import { chat, joined, memberList } from '../http/answers.js'
import { requireUser } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { check, read, readId, readQuery } from '../http/input.js'
import { chatJson, listJson, memberJson, ownUserJson, userJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { rememberChange } from '../http/own-changes.js'
import { redirect, respond, showFragment, showPage } from '../http/respond.js'
import { changedSettings, joinOrChange, membersQuery, newMember, removal } from '../http/schemas.js'
import { fill } from '../slices.js'
import { foldUsername } from '../text/names.js'
import {
  acting,
  chatPath,
  count,
  EXACT,
  limit,
  limitLists,
  requireChat,
  requireDone,
  requireMember,
  requireOwner,
} from './scope.js'
import { changeSettings, chatName } from './settings.js'

/** Makes the user a member. Throws 403, 404, 422 or 429 where that is refused. */
export async function enter(parts: Parts, ctx: RouteContext, uri: string, user: User) {
  const { db, live } = parts
  count(parts, ctx, 'joins', user.id)
  const { outcome, chat_id, version } = await joinChat(db, uri, user.id)
  switch (outcome) {
    case 'joined':
    case 'again':
      live.chatLists.changed(user.id, chat_id)
      live.reached(chat_id, version)
      rememberChange(parts, ctx, uri, version)
      return
    default:
      throw notAdmitted(outcome)
  }
}

/** Why a user could not join. */
export function notAdmitted(outcome: Exclude<Joined['outcome'], 'joined' | 'again'>): Refusal {
  switch (outcome) {
    case 'stranger':
      return notFound()
    case 'banned':
      return new Refusal('banned', 'The owner of this chat has removed you from it for good.')
    case 'closed':
      return new Refusal('joins_closed', 'This chat is closed to new members. Ask its owner to open it.')
    case 'no guests':
      return new Refusal('no_guests', 'This chat takes no guests. Sign up or sign in to join it.')
    case 'taken':
      return invalid('name_taken', 'name', 'Somebody in this chat has that name. Please choose another.')
    case 'lookalike':
      return looksTaken('name')
  }
}

/** The members of a chat: listing, joining, leaving, and removing others. Clients of the original join by PATCH on the chat. */
export function members(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri' })
  const listing = mark({
    gzip: true,
    query: membersQuery,
    operation: {
      id: 'listMembers',
      does: 'List the members: the owner, then the others as they joined',
      who: 'member',
      scope: 'read',
      answers: { 200: memberList },
      problems: ['rate_limited'],
    },
  })
  router.get('/members', listing, list)
  const notJoined = ['banned', 'joins_closed', 'no_guests', 'others_cannot_join', 'name_taken', 'name_alike'] as const
  const joining = mark({
    rate: 'joinTries',
    body: newMember,
    operation: {
      id: 'joinChat',
      does: 'Join a chat',
      who: 'user',
      scope: 'manage',
      answers: { 200: joined },
      problems: [...notJoined, 'not_found'],
      example: {},
    },
  })
  router.post('/members', joining, join)
  const joiningOrChanging = mark({
    rate: 'joinTries',
    body: joinOrChange,
    operation: {
      id: 'joinOrChangeChat',
      does: 'Join a chat, with nothing or username; or, with settings, change these',
      who: 'user',
      scope: 'manage',
      answers: { 200: joined.or(chat) },
      problems: [...notJoined, 'not_found', 'owner_only', 'join_or_change'],
      example: {},
    },
  })
  router.patch('/', joiningOrChanging, joinOrChangeChat)
  const leaving = mark({
    operation: {
      id: 'leaveChat',
      does: 'Leave a chat',
      who: 'member',
      scope: 'manage',
      answers: { 204: null },
      problems: ['owner_cannot_leave'],
    },
  })
  router.delete('/members/me', leaving, leave)
  router.post('/members/me/departure', leaving, leave)
  const removing = mark({
    rate: 'changes',
    body: removal,
    query: removal,
    operation: {
      id: 'removeMember',
      does: 'Remove a member, with ban for good',
      who: 'owner',
      scope: 'manage',
      answers: { 204: null },
      problems: ['no_such_member', 'not_oneself'],
      example: { ban: true },
    },
  })
  router.delete('/members/:id', removing, remove)
  router.post('/members/:id/removal', removing, remove)
  return router

  async function list(ctx: RouteContext) {
    const chat = await requireMember(parts, ctx)
    await respond(ctx, {
      page: async () => {
        limitLists(parts, ctx, chat.user)
        const { after, limit: wanted = LIMITS.membersPerPage } = readQuery(ctx, membersQuery)
        const limit = Math.min(wanted, LIMITS.membersPerPage)
        const rows = await membersOf(db, chat.id, limit + 1, after).execute()
        const members = rows.slice(0, limit)
        const last = members.at(-1)
        showPage(parts, ctx, 'members/index.njk', {
          chat,
          kept: await keptUntil(db, chat),
          name: chatName(chat),
          me: chat.user.id,
          members: seenHere(parts, chat.id, members),
          more_after: rows.length > limit && last ? cursorOf(last) : null,
          limit,
          first: after === undefined,
        })
      },
      fragment: async () => {
        const members = await membersOf(db, chat.id, LIMITS.membersOnPage).execute()
        showFragment(parts, ctx, 'members/_members.njk', {
          chat,
          me: chat.user.id,
          members: seenHere(parts, chat.id, members),
          member_count: chat.member_count,
          kept: await keptUntil(db, chat),
        })
      },
      json: async () => {
        limitLists(parts, ctx, chat.user)
        const { after, limit = LIMITS.membersPerPage } = readQuery(ctx, membersQuery)
        const rows = await membersOf(db, chat.id, limit + 1, after).execute()
        const { texts, more } = await fillMembers(parts, ctx, chat, seenHere(parts, chat.id, rows), limit, memberJson)
        return listJson({ more }, 'members', texts)
      },
    })
  }

  async function leave(ctx: RouteContext) {
    const chat = await requireMember(parts, ctx)
    const { outcome, version } = await leaveChat(db, acting(chat))
    if (outcome === 'stranger') {
      throw notFound()
    }
    if (outcome === 'owner' || version === null) {
      throw new Refusal(
        'owner_cannot_leave',
        'You own this chat. Hand it over to another member before you leave, or delete it; both are on its settings page.',
      )
    }
    parts.live.reached(chat.id, version)
    await redirect(ctx, '/')
  }

  async function remove(ctx: RouteContext) {
    const chat = await requireOwner(parts, ctx)
    const id = readId(ctx.params.id)
    limit(parts, ctx)
    const { ban = false } = check({ ...ctx.query, ...ctx.state.fields }, removal)
    const removed = await removeMember(db, acting(chat), id, { bans: ban })
    requireDone(parts, ctx, chat, removed)
    if (removed.bot) {
      parts.live.ended(id)
    }
    await redirect(ctx, `${chatPath(chat.current_uri)}/members`)
  }

  /** Clients of the original join by this request, and what it says besides must not be lost: it changes settings, as those at /settings do. */
  async function joinOrChangeChat(ctx: RouteContext) {
    const fields = ctx.state.fields ?? {}
    if (!Object.keys(changedSettings.shape).some(name => name in fields)) {
      await join(ctx)
      return
    }
    requireUser(ctx)
    if ('username' in fields) {
      throw invalid('join_or_change', 'username', 'Either join by your username or change settings, not both at once.')
    }
    const chat = await requireOwner(parts, ctx)
    count(parts, ctx, 'changes', chat.user.id)
    await changeSettings(parts, ctx, chat, changedSettings, chatJson)
  }

  async function join(ctx: RouteContext) {
    const user = requireUser(ctx)
    limit(parts, ctx)
    const { username } = read(ctx, newMember)
    const chat = await requireChat(parts, ctx)
    if (username && foldUsername(username) !== foldUsername(user.username)) {
      throw new Refusal('others_cannot_join', 'You can only join a chat yourself.')
    }
    if (chat.member_name === null) {
      await enter(parts, ctx, chat.uri, user)
    }
    await redirect(ctx, chatPath(chat.uri), async () => {
      const limit = LIMITS.messagesPerListAtMost
      const rows = await membersOf(db, chat.id, limit + 1).execute()
      const { texts } = await fillMembers(parts, ctx, chat, rows, limit, userJson)
      const message = `${user.username} joined the chat`
      return listJson({ status: 'SUCCESS', message, user: ownUserJson(user) }, 'members', texts)
    })
  }
}

/** As many members as fit into LIMITS.listBytes, `limit` at most, as JSON. If there are more, the Link header leads to them. */
export async function fillMembers(
  parts: Parts,
  ctx: RouteContext,
  { uri }: { uri: string },
  members: readonly Member[],
  limit: number,
  toJson: (member: Member) => object,
) {
  const { items, texts } = await fill(members.slice(0, limit), LIMITS.listBytes, member =>
    JSON.stringify(toJson(member)),
  )
  const last = items.at(-1)
  const more = last !== undefined && items.length < members.length
  if (more) {
    linkTo(parts, ctx, `/api${chatPath(uri)}/members/?after=${cursorOf(last)}&limit=${limit}`, 'next')
  }
  return { texts, more }
}

/** The members, with those marked as here whom this process has seen and has not yet written to the database. */
export function seenHere({ live }: Parts, chat_id: number, members: readonly Member[]): Member[] {
  return members.map(member => ({ ...member, here: member.here || live.presence.knows(chat_id, member.id) }))
}

/** The cursor after a member, as `membersQuery` reads it. The owner is listed first, before all others. */
function cursorOf({ owner, joined_micros, id }: Member): string {
  return owner ? '0-0' : `${joined_micros}-${id}`
}
