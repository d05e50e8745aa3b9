import type Koa from 'koa'
import { LIMITS } from '../config.js'
import { type Identity, SESSION_STALE, TOKEN_STALE } from '../db/identities.js'
import { createSession, endSession, touchSession } from '../db/sessions.js'
import { redeemTicket } from '../db/tickets.js'
import { touchTokens } from '../db/tokens.js'
import type { User } from '../db/users.js'
import { invalid, notSignedIn, Refusal } from '../errors.js'
import { isTokenKey, keyHash, randomKey } from '../keys.js'
import type { Credential } from '../live/identities.js'
import type { Context, Middleware, Parts, State } from './context.js'
import { rememberDevice } from './device.js'
import { readQuery } from './input.js'
import { logFailure } from './request-log.js'
import { ticketQuery } from './schemas.js'
import { beginSession, dropSession, prolongSession, sentSession, sessionStore } from './sessions.js'

/**
 * Finds out who sent the request: by the ticket or the Authorization header if there is one, else by the session's cookie. Throws 401 for a
 * ticket or a token that is unknown or has expired.
 */
export function authenticate(parts: Parts, app: Koa<State>): Middleware {
  // koa-session costs more than everything else in a poll, so only routes where a session begins or ends use it.
  const keepSession = sessionStore(parts, app)
  return async (ctx, next) => {
    const { anonymous, cookieless, ticketed, signsIn } = ctx.state.marks
    const authorization = ctx.get('authorization')
    const ticket = ticketed && ctx.state.form === 'json' ? readQuery(ctx, ticketQuery).ticket : undefined
    ctx.state.cookieless = Boolean(anonymous || cookieless || authorization || ticket)
    if (anonymous) {
      return next()
    }
    if (ticket) {
      await byTicket(parts, ctx, ticket)
    } else if (authorization) {
      await byToken(parts, ctx, authorization)
    }
    if (ctx.state.cookieless) {
      return next()
    }
    const id = sentSession(parts, ctx)
    if (id) {
      await bySession(parts, ctx, id)
    }
    return signsIn ? keepSession(ctx, next) : next()
  }
}

async function byToken(parts: Parts, ctx: Context, authorization: string) {
  const { db, live } = parts
  const credential = sentToken(authorization)
  const found = credential && (await live.identify(credential))
  if (!found || found.token_id === null) {
    throw invalidToken()
  }
  ctx.state.user = found.user
  ctx.state.identity = found
  ctx.state.credential = credential
  if (isWorthTouching(found)) {
    await touch(parts, touchTokens(db, [found.token_id]))
  }
}

/** The token of an Authorization header. Undefined for what cannot be one. */
export function sentToken(authorization: string): Credential | undefined {
  const [, key] = /^(?:token|bearer|jwt) +(\S+)$/i.exec(authorization) ?? []
  return key && key.length <= LIMITS.keyBytes && isTokenKey(key) ? { kind: 'token', key } : undefined
}

async function byTicket({ db, live }: Parts, ctx: Context, ticket: string) {
  // The address must not go on to wherever the answer may lead.
  ctx.set('Referrer-Policy', 'no-referrer')
  const token_hash = await redeemTicket(db, keyHash(ticket), ctx.get('origin'))
  const credential = { kind: 'ticket', key: token_hash?.toString('base64url') ?? '' } as const
  const found = token_hash && (await live.identify(credential))
  if (!found) {
    const sentence = 'This ticket does not let you in, or not any more. Please make a new one.'
    throw notSignedIn('invalid_ticket', sentence)
  }
  ctx.state.user = found.user
  ctx.state.identity = found
  ctx.state.credential = credential
}

async function bySession(parts: Parts, ctx: Context, id: string) {
  const { db, live } = parts
  const credential = { kind: 'session', key: id } as const
  const found = await live.identify(credential)
  if (found) {
    ctx.state.user = found.user
    ctx.state.identity = found
    ctx.state.credential = credential
    if (!isPoll(ctx) && isWorthTouching(found)) {
      await touch(parts, touchSession(db, found.hash))
      if (found.user.kind === 'guest' && !ctx.state.marks.signsIn) {
        prolongSession(parts, ctx, id)
      }
    }
  }
}

/** Where that cannot be written, as in a read-only database, the request is answered all the same. */
async function touch(parts: Parts, written: Promise<void>) {
  await written.catch(error => logFailure(parts, error, 'When somebody was here last was not written'))
}

/** The last use of a session is written once in ten minutes, that of a token once a minute. */
function isWorthTouching(identity: Identity): boolean {
  const isStale = wasLongUnused(identity)
  if (isStale) {
    identity.staleAt = performance.now() + (identity.token_id === null ? SESSION_STALE : TOKEN_STALE) * 1000
  }
  return isStale
}

/** Whether its next use is to be written. */
export function wasLongUnused({ staleAt }: Identity): boolean {
  return performance.now() > staleAt
}

/** An open page asks for what is new by itself: that is no use of the session. */
export function isPoll({ method, state }: Context): boolean {
  return method === 'GET' && (state.form === 'fragment' || state.marks.poll === true)
}

/**
 * Begins a session for the user under a new id, by the password that was verified (null for a guest); one that the browser had is over.
 * Throws 422 where the password has been changed since.
 */
export async function signIn(parts: Parts, ctx: Context, user: User, password_hash: string | null) {
  const id = randomKey()
  if (!(await createSession(parts.db, keyHash(id), { id: user.id, password_hash }, ctx.get('user-agent')))) {
    throw passwordChanged()
  }
  await beginAs(parts, ctx, user, id)
}

/** Goes on as the user, in the session with that id, which the database has already. */
export async function beginAs(parts: Parts, ctx: Context, user: User, id: string) {
  ctx.state.begun = id
  await beginSession(ctx, user.id)
  if (user.kind === 'account') {
    rememberDevice(parts, ctx, user.username)
  }
  ctx.state.user = user
}

/** For a user whose password was changed between its verification and the end of the request. */
export function passwordChanged(status = 422): Refusal {
  const sentence = 'Your password has just been changed. Please sign in with the new one.'
  return invalid('password_changed', 'non_field_errors', sentence, status)
}

/** Ends the session, and tells the browser to forget what this site has stored there. For a guest `settle` must follow, as they are gone. */
export async function signOut({ db, live }: Parts, ctx: Context) {
  const { user, identity } = ctx.state
  // Now, and not by koa-session after the answer: what follows may depend on it.
  if (user && identity && (await endSession(db, identity.hash)) !== undefined) {
    live.ended(user.id)
  }
  dropSession(ctx)
  ctx.set('Clear-Site-Data', '"storage"')
  delete ctx.state.user
}

/** The user who sent the request. Throws 401 for a visitor. */
export function requireUser(ctx: Context): User {
  if (!ctx.state.user) {
    throw ['json', 'text'].includes(ctx.state.form) ? notSignedIn() : signedOut()
  }
  return ctx.state.user
}

/** Who a credential that was taken before stands for now. Throws 401, as its next request would get it, where it has ended meanwhile. */
export async function requireStill({ live }: Parts, credential: Credential | undefined): Promise<Identity> {
  const identity = await live.identify(credential)
  if (!identity) {
    throw credential?.kind === 'session' ? notSignedIn() : invalidToken()
  }
  return identity
}

function invalidToken(): Refusal {
  return notSignedIn('invalid_token', 'Invalid token.')
}

export function signedOut(): Refusal {
  return notSignedIn('signed_out', 'You are signed out. Sign in to go on.')
}

/** The same for a user with an account. Throws 403 for a guest. */
export function requireAccount(ctx: Context): User {
  const user = requireUser(ctx)
  if (user.kind !== 'account') {
    throw new Refusal('account_only', 'Guests cannot do this. Keep this account first, on the page of your account.')
  }
  return user
}

/** Whether the request was sent with the cookie of that session. */
export function isCurrent(ctx: Context, { id_hash }: { id_hash: Buffer }): boolean {
  const { identity } = ctx.state
  return identity?.token_id === null && identity.hash.equals(id_hash)
}
