import type Koa from 'koa'
import session from 'koa-session'
import { LIMITS } from '../config.js'
import { endSession } from '../db/sessions.js'
import { keyHash, randomKey } from '../keys.js'
import type { Context, Middleware, Parts, State } from './context.js'

/** Browsers keep a cookie with this prefix to the host that set it. They accept it over https only. */
export const sessionCookie = (secure: boolean) => (secure ? '__Host-sid' : 'sid')

/** The id of a session that the browser sent: it may be known or not. */
export function sentSession({ config }: Parts, { req }: Context): string | undefined {
  // Every poll comes by here. The library reads cookies in the same way, after it has prepared for signatures.
  const [, written = ''] = COOKIES[config.secure ? 'secure' : 'plain'].exec(req.headers.cookie ?? '') ?? []
  const id = written.startsWith('"') ? written.slice(1, -1) : written
  return id && id.length <= LIMITS.keyBytes ? id : undefined
}

const COOKIES = { secure: patternOf(sessionCookie(true)), plain: patternOf(sessionCookie(false)) }

function patternOf(cookie: string): RegExp {
  return new RegExp(`(?:^|;) *${cookie}=([^;]*)`)
}

/** In milliseconds: as long as an account's session can last. */
const COOKIE_LASTS = LIMITS.sessionDays * 86_400_000

/** The options of koa-session that are used here. Its own types are for another version of Koa, so all casts are in this file. */
interface Options {
  key: string
  maxAge: number
  httpOnly: boolean
  signed: boolean
  sameSite: string
  secure: boolean
  genid(ctx: Context): string
  store: {
    get(id: string): Promise<{ user_id: number } | undefined>
    set(): Promise<void>
    destroy(id: string): Promise<void>
  }
}
const library = session as unknown as (options: Options, app: Koa<State>) => Middleware

interface SessionContext {
  session: { user_id?: number; regenerate(): Promise<void> } | null
}

/** The library would begin a session on an unmarked route as well, but the browser's old session would not end. */
function sessionOf(ctx: Context): SessionContext {
  if (!ctx.state.marks.signsIn) {
    throw new Error('A session begins or ends by a route that is not marked so.')
  }
  return ctx as unknown as SessionContext
}

/**
 * koa-session over our table. The table decides when a session ends. The library would have to write on every answer for that,
 * so its cookie lives as long as a session can at most.
 */
export function sessionStore({ db, live, config }: Parts, app: Koa<State>): Middleware {
  return library(
    {
      key: sessionCookie(config.secure),
      maxAge: COOKIE_LASTS,
      httpOnly: true,
      // 256 random bits need no signature, and without one the cookie is half as long.
      signed: false,
      sameSite: 'lax',
      secure: config.secure,
      genid: ctx => ctx.state.begun ?? randomKey(),
      store: {
        async get(id) {
          const found = await live.identify({ kind: 'session', key: id })
          return found && { user_id: found.user.id }
        },
        // The row is there already: signIn writes it.
        async set() {},
        async destroy(id) {
          const user_id = await endSession(db, keyHash(id))
          if (user_id !== undefined) {
            live.ended(user_id)
          }
        },
      },
    },
    app,
  )
}

/** Begins the session whose id is in `ctx.state.begun`, and ends the one that the browser had. */
export async function beginSession(ctx: Context, user_id: number) {
  const { session } = sessionOf(ctx)
  if (session) {
    session.user_id = user_id
    await session.regenerate()
  }
}

/** Gives a guest the cookie of their session again, as the session lasts as long as it is used. */
export function prolongSession({ config }: Parts, ctx: Context, id: string) {
  const { secure } = config
  ctx.cookies.set(sessionCookie(secure), id, {
    maxAge: COOKIE_LASTS,
    httpOnly: true,
    signed: false,
    sameSite: 'lax',
    secure,
  })
}

/** Ends the browser's session. */
export function dropSession(ctx: Context) {
  sessionOf(ctx).session = null
}
