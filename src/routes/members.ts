import Router from '@koa/router'
import { LIMITS } from '../config.js'
import type { Context, Parts, State } from '../context.js'
import { joinChat } from '../db/chats.js'
import { membersOf } from '../db/members.js'
import { Refusal } from '../errors.js'
import { newMember, read } from '../input.js'
import { membersJson, ownUserJson } from '../json.js'
import { leadTo, respond, seeOther, showFragment } from '../respond.js'
import { requireUser } from '../session.js'
import { foldUsername } from '../usernames.js'
import { chatPath, EXACT, requireChat, requireMember } from './scope.js'

/** Who is in a chat, and joining it: by the button, or as the original's clients do, by PATCH on the chat. */
export function members(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri' })
  router.get('/members', list)
  router.post('/members', join)
  router.patch('/', join)
  return router

  async function list(ctx: Context) {
    const chat = await requireMember(parts, ctx)
    await respond(ctx, {
      page: () => seeOther(ctx, chatPath(chat.uri)),
      fragment: async () => {
        const members = await membersOf(db, chat.id, LIMITS.membersOnPage).execute()
        const { member_count, owner_id } = chat
        showFragment(parts, ctx, 'members/_members.njk', { members, member_count, owner_id })
      },
      json: async () => ({
        members: membersJson(await membersOf(db, chat.id, LIMITS.messagesPerListAtMost).execute()),
      }),
    })
  }

  async function join(ctx: Context) {
    const user = requireUser(ctx)
    const { username } = read(ctx, newMember)
    const chat = await requireChat(parts, ctx)
    if (username && foldUsername(username) !== foldUsername(user.username)) {
      throw new Refusal(403, 'You can only join a chat yourself.')
    }
    if (chat.member_name === null) {
      parts.takeTurn('joins', user.id, 'You have joined many chats. Please wait a little.')
      parts.live.reached(chat.id, await joinChat(db, chat.id, user.id))
    }
    await respond(ctx, {
      page: () => seeOther(ctx, chatPath(chat.uri)),
      fragment: () => leadTo(ctx, chatPath(chat.uri)),
      json: async () => ({
        status: 'SUCCESS',
        members: membersJson(await membersOf(db, chat.id, LIMITS.messagesPerListAtMost).execute()),
        message: `${user.username} joined the chat`,
        user: ownUserJson(user),
      }),
    })
  }
}
