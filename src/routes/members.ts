import Router from '@koa/router'
import { LIMITS } from '../config.js'
import type { Context, Parts, State } from '../context.js'
import { type Joined, joinChat } from '../db/chats.js'
import { membersOf } from '../db/members.js'
import type { User } from '../db/users.js'
import { invalid, notFound, Refusal } from '../errors.js'
import { newMember, read } from '../input.js'
import { membersJson, ownUserJson } from '../json.js'
import { leadTo, respond, seeOther, showFragment } from '../respond.js'
import { requireUser } from '../session.js'
import { foldUsername } from '../usernames.js'
import { chatPath, EXACT, requireChat, requireMember } from './scope.js'

/** Makes the user a member. Throws 403, 404 or 429 where they cannot be. */
export async function enter({ db, live, takeTurn }: Parts, uri: string, user: User) {
  takeTurn('joins', user.id, 'You have joined many chats. Please wait a little.')
  const { outcome, chat_id, version } = await joinChat(db, uri, user.id)
  switch (outcome) {
    case 'joined':
    case 'again':
      live.reached(chat_id, version)
      return
    default:
      throw notAdmitted(outcome)
  }
}

/** Why somebody could not join. */
export function notAdmitted(outcome: Exclude<Joined['outcome'], 'joined' | 'again'>): Refusal {
  switch (outcome) {
    case 'stranger':
      return notFound()
    case 'banned':
      return new Refusal(403, 'The owner of this chat has removed you from it for good.')
    case 'closed':
      return new Refusal(403, 'This chat is closed to new members. Ask its owner to open it.')
    case 'no guests':
      return new Refusal(403, 'This chat takes no guests. Sign up or sign in to join it.')
    case 'taken':
      return invalid({ name: ['Somebody in this chat has that name. Please choose another.'] })
  }
}

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
      await enter(parts, chat.uri, user)
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
