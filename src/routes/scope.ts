import type { Context, Parts } from '../context.js'
import { type Chat, findChat } from '../db/chats.js'
import type { User } from '../db/users.js'
import { notFound, Refusal } from '../errors.js'
import { requireUser } from '../session.js'

/** For every router: paths are matched to the letter, as the checks on paths that come before are. */
export const EXACT = { sensitive: true }

export const chatPath = (uri: string) => `/chats/${uri}`

/** The path's URI. Throws 404 for what cannot be one. */
export function readUri(ctx: Context): string {
  const { uri = '' } = (ctx as { params?: Record<string, string> }).params ?? {}
  if (!/^[A-Za-z0-9_-]{22,64}$/.test(uri)) {
    throw notFound()
  }
  return uri
}

/** The path's chat as the visitor sees it, member or not. Throws 404. */
export async function requireChat({ db }: Parts, ctx: Context): Promise<Chat> {
  const chat = await findChat(db, readUri(ctx), ctx.state.user?.id)
  if (!chat) {
    throw notFound()
  }
  return chat
}

export type MemberChat = Chat & { user: User }

/** The path's chat for one of its members. Throws 401 for a visitor, and the same 404 whether there is no such chat or it is not theirs. */
export async function requireMember({ db }: Parts, ctx: Context): Promise<MemberChat> {
  const user = requireUser(ctx)
  const chat = await findChat(db, readUri(ctx), user.id)
  if (!chat || chat.member_name === null) {
    // The page of a member who was removed asks for news: it is led away.
    const headers: Record<string, string> = ctx.state.form === 'fragment' ? { 'HX-Redirect': '/' } : {}
    throw new Refusal(404, notFound().message, { headers })
  }
  return { ...chat, user }
}
