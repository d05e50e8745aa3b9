import { LIMITS } from '../config.js'
import { type Chat, findChat, URI } from '../db/chats.js'
import { takeFromRate } from '../db/limits.js'
import type { Acting, Done, Outcome } from '../db/owners.js'
import type { User } from '../db/users.js'
import { invalid, notFound, Refusal } from '../errors.js'
import { addressOf } from '../http/address.js'
import { requireUser } from '../http/authentication.js'
import type { Context, Parts, RouteContext } from '../http/context.js'
import { rememberChange } from '../http/own-changes.js'
import { type Allowance, overShared, type RateName, rateHeaders } from '../http/rate-limits.js'
import type { Reading } from '../live/feeds.js'

/**
 * Counts the request against the rate limit of its route's mark: `tries` and `reports` by the sender's address, the others by the user.
 * Handlers call it when they know who asks, and before any work on the body. Throws 429 with the limit's sentence, or with another.
 */
export function limit(parts: Parts, ctx: RouteContext, sentence?: string) {
  const { rate } = ctx.state.marks
  if (!rate) {
    throw new Error('This route is not marked with a rate limit.')
  }
  count(parts, ctx, rate, rate === 'tries' || rate === 'reports' ? addressOf(ctx) : requireUser(ctx).id, sentence)
}

/** Counts one use against a rate limit, and tells programs what is left. Throws 429. */
export function count({ limitRate }: Parts, ctx: Context, rate: RateName, subject: number | string, sentence?: string) {
  tellAllowance(ctx, limitRate(rate, subject, sentence))
}

/** Tells programs what is left of a limit, beside the others that the request was counted under. */
export function tellAllowance(ctx: Context, allowance: Allowance | undefined) {
  if (allowance && ['json', 'text'].includes(ctx.state.form)) {
    ctx.state.allowances ??= new Map()
    ctx.state.allowances.set(allowance.name, allowance)
    ctx.set(rateHeaders(ctx.state.allowances.values()))
  }
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
  throw refused(ctx, chat, outcome)
}

function refused(ctx: RouteContext, { kept_days_at_most }: MemberChat, outcome: Outcome): Refusal {
  switch (outcome) {
    case 'not owner':
      return notTheOwner()
    case 'yourself':
      return invalid('not_oneself', 'user_id', 'This cannot be done to yourself. Please choose somebody else.')
    case 'guest':
      return invalid(
        'guest_gone',
        'user_id',
        'This guest is gone, and nobody can be them again. Please choose another member.',
      )
    case 'misnamed':
      return invalid('wrong_name', 'name', 'This is not the name of the chat. Please type it exactly as it is shown.')
    case 'too long': {
      const sentence = `Messages are kept for ${kept_days_at_most ?? 'fewer'} days at most here. Please choose fewer.`
      return new Refusal('invalid_input', sentence, {
        faults: [{ field: 'kept_days', code: 'out_of_range', sentence }],
      })
    }
    case 'absent':
      return new Refusal('no_such_member', 'There is no such person in this chat.')
    default:
      return notYours(ctx)
  }
}

function notTheOwner(): Refusal {
  return new Refusal('owner_only', 'Only the owner of this chat can do this.')
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
export function limitLists(parts: Parts, ctx: Context, user: User) {
  count(parts, ctx, 'lists', user.id)
  try {
    count(parts, ctx, 'addressLists', addressOf(ctx))
  } catch (error) {
    // It is no use of the user's, and a short way that is refused is asked again the long way.
    parts.returnRate('lists', user.id)
    throw error
  }
}

/** Throws 429 after too many chats of one user. Guests may start few, so theirs are counted across processes and restarts. */
export async function limitChats(parts: Parts, ctx: RouteContext, user: User) {
  const { db, config } = parts
  count(parts, ctx, 'chats', user.id)
  const isCounted = config.limited && user.kind === 'guest'
  const wait = isCounted ? await takeFromRate(db, 'guest chats', String(user.id), LIMITS.guestChats) : 0
  if (wait > 0) {
    throw overShared(
      'guestChats',
      wait,
      'Guests can start a few chats a day. Keep this account to start more, or wait a little.',
    )
  }
}

/** 404. An open page of somebody who was removed from the chat is redirected to the start page. */
function notYours(ctx: RouteContext): Refusal {
  return notFound(ctx.state.form === 'fragment' ? { 'HX-Redirect': '/' } : {})
}

/**
 * Returns the version after which a reader with that cursor goes on: the cursor itself, unless an epoch has begun right after it. Throws 410 if
 * the cursor is ahead of the chat's version, or in the gap of an epoch: a backup was restored, or the cursor was made up. Pages reload then.
 * Another process may know of a newer version than this one.
 */
export async function requireCursor(
  parts: Parts,
  ctx: RouteContext,
  reading: ReadingMember,
  after: number,
): Promise<number> {
  const { feed, user } = reading
  if (after > feed.version) {
    count(parts, ctx, 'cursorsAhead', user.id)
    await feed.refresh()
  }
  const from = after > feed.version ? undefined : await feed.goesOnAfter(after)
  if (from === undefined) {
    throw new Refusal(
      'cursor_ahead',
      'This chat has no such version. Please read it again, and go on from its current version.',
      {
        headers: ctx.state.form === 'fragment' ? { 'HX-Refresh': 'true' } : {},
        extra: { version: feed.version },
      },
    )
  }
  return from
}
