import type { Context, Parts } from './context.js'

/** How long the browser remembers it, in seconds: longer than it takes until every process knows of a change. */
const LASTS = 5

const COOKIE = 'at'

/**
 * Lets the browser remember to what version it has just brought the chat. Whichever process answers it next, the chat's page is not
 * older than that.
 */
export function rememberChange({ config }: Parts, ctx: Context, uri: string, version: number) {
  if (ctx.state.form !== 'json' && ctx.state.form !== 'text') {
    const latest = Math.max(version, ownChange(ctx))
    const secure = config.secure ? '; Secure' : ''
    // Max-Age, as the browser's clock may be wrong; the library sets a time instead.
    ctx.append(
      'Set-Cookie',
      `${COOKIE}=${latest}; Path=/chats/${uri}; Max-Age=${LASTS}; HttpOnly; SameSite=Lax${secure}`,
    )
  }
}

/** To what version the browser has just brought the path's chat; 0 where it remembers none. It may have made it up. */
export function ownChange(ctx: Context): number {
  const at = ctx.state.cookieless ? undefined : ctx.cookies.get(COOKIE, { signed: false })
  return at && /^\d{1,15}$/.test(at) ? Number(at) : 0
}
