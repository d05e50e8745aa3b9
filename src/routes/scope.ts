import { type Chat, findChat, URI } from '../db/chats.js'
import type { Acting, Done, Outcome } from '../db/owners.js'
import type { User } from '../db/users.js'
import { invalid, notFound, Refusal } from '../errors.js'
import { addressOf } from '../http/address.js'
import { requireUser } from '../http/authentication.js'
import type { Parts, RouteContext } from '../http/context.js'
import { rememberChange } from '../http/own-changes.js'
import type { Reading } from '../live/feeds.js'

/**
 * Counts the request against the rate limit of its route's mark: `tries` and `reports` by the sender's address, the others by the user.
 * Handlers call it when they know who asks, and before any work on the body. Throws 429 with the limit's sentence, or with another.
 */
export function limit({ limitRate }: Parts, ctx: RouteContext, sentence?: string) {
  const { rate } = ctx.state.marks
  if (!rate) {
    throw new Error('This route is not marked with a rate limit.')
  }
  limitRate(rate, rate === 'tries' || rate === 'reports' ? addressOf(ctx) : requireUser(ctx).id, sentence)
}

/** For every router: paths differ by case, because the code that reads them before the router tells them apart by case too. */
export const EXACT = { sensitive: true }

export const chatPath = (uri: string) => `/chats/${uri}`

const ONE_URI = new RegExp(`^${URI}$`)

/** The path's URI. Throws 404 for what cannot be one. */
export function readUri(ctx: RouteContext): string {
  const { uri = '' } = ctx.params
  if (!ONE_URI.test(uri)) {
    throw notFound()
  }
  return uri
}

/** A chat as the database had it. `askedAt` is when it was asked, by `performance.now()`. */
export type SeenChat = Chat & { askedAt: number }

/** The path's chat, for members and visitors alike. Throws 404. */
export async function requireChat({ db }: Parts, ctx: RouteContext): Promise<SeenChat> {
  const askedAt = performance.now()
  const chat = await findChat(db, readUri(ctx), ctx.state.user?.id)
  if (!chat) {
    throw notFound()
  }
  return { ...chat, askedAt }
}

export type MemberChat = SeenChat & { user: User }

/** The path's chat for one of its members. Throws 401 for visitors, and the same 404 for no chat as for a chat of others. */
export async function requireMember({ db, live }: Parts, ctx: RouteContext): Promise<MemberChat> {
  const user = requireUser(ctx)
  const askedAt = performance.now()
  const chat = await findChat(db, readUri(ctx), user.id)
  if (!chat || chat.member_name === null) {
    throw notYours(ctx)
  }
  live.presence.saw(chat.id, user.id)
  return { ...chat, askedAt, user }
}

/** The path's chat for its owner. Throws 403 for other members, and what `requireMember` throws for everybody else. */
export async function requireOwner(parts: Parts, ctx: RouteContext): Promise<MemberChat> {
  const chat = await requireMember(parts, ctx)
  if (chat.owner_id !== chat.user.id) {
    throw notTheOwner()
  }
  return chat
}

/** The chat and the user who acts in it, for a statement that checks again whether they may. */
export const acting = ({ id, user }: MemberChat): Acting => ({ chat_id: id, user_id: user.id })

/**
 * Tells the chat's readers of what its owner has done, and returns the chat's new version. Throws the HTTP error of any other outcome.
 */
export function requireDone(parts: Parts, ctx: RouteContext, chat: MemberChat, { outcome, version }: Done): number {
  if (outcome === 'done' && version !== null) {
    parts.live.reached(chat.id, version)
    rememberChange(parts, ctx, chat.current_uri, version)
    return version
  }
  throw refused(ctx, outcome)
}

function refused(ctx: RouteContext, outcome: Outcome): Refusal {
  switch (outcome) {
    case 'not owner':
      return notTheOwner()
    case 'yourself':
      return invalid({ user_id: ['This cannot be done to yourself. Please choose somebody else.'] })
    case 'guest':
      return invalid({ user_id: ['This guest is gone, and nobody can be them again. Please choose another member.'] })
    case 'misnamed':
      return invalid({ name: ['This is not the name of the chat. Please type it exactly as it is shown.'] })
    case 'absent':
      return notFound('There is no such person in this chat.')
    default:
      return notYours(ctx)
  }
}

function notTheOwner(): Refusal {
  return new Refusal(403, 'Only the owner of this chat can do this.')
}

export type ReadingMember = Reading & { user: User }

/** The path's chat with its feed, for polls and streams: from memory where that is fresh. Throws what `requireMember` throws. */
export async function requireReading({ live }: Parts, ctx: RouteContext): Promise<ReadingMember> {
  const user = requireUser(ctx)
  const reading = await live.reading(readUri(ctx), user.id)
  if (!reading) {
    throw notYours(ctx)
  }
  return { ...reading, user }
}

/** Counts a costly read, of a list or a page, against the rate limits of the user and of the address. Throws 429. */
export function limitLists({ limitRate }: Parts, ctx: RouteContext, user: User) {
  limitRate('lists', user.id)
  limitRate('addressLists', addressOf(ctx))
}

/** 404. An open page of somebody who was removed from the chat is redirected to the start page. */
function notYours(ctx: RouteContext): Refusal {
  const headers: Record<string, string> = ctx.state.form === 'fragment' ? { 'HX-Redirect': '/' } : {}
  return new Refusal(404, notFound().message, { headers })
}

/**
 * Returns the version after which a reader with that cursor goes on: the cursor itself, unless an epoch has begun right after it. Throws 410 if
 * the cursor is ahead of the chat's version, or in the gap of an epoch: a backup was restored, or the cursor was made up. Pages reload then.
 * Another process may know of a newer version than this one.
 */
export async function requireCursor(
  { limitRate }: Parts,
  ctx: RouteContext,
  reading: ReadingMember,
  after: number,
): Promise<number> {
  const { feed, user } = reading
  if (after > feed.version) {
    limitRate('cursorsAhead', user.id)
    await feed.refresh()
  }
  const from = after > feed.version ? undefined : await feed.goesOnAfter(after)
  if (from === undefined) {
    throw new Refusal(410, 'This chat has no such version. Please read it again, and go on from its current version.', {
      headers: ctx.state.form === 'fragment' ? { 'HX-Refresh': 'true' } : {},
      extra: { version: feed.version },
    })
  }
  return from
}
