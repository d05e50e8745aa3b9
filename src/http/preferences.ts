import { LIMITS } from '../config.js'
import { newPreferences, type Preferences } from './account-schemas.js'
import type { Context, Parts } from './context.js'

const preferencesCookie = (secure: boolean) => (secure ? '__Host-preferences' : 'preferences')

const NONE: Preferences = { theme: 'system', text_size: 'normal', enter: 'auto' }

/** Those of the browser that sent the request. A cookie that is not as it was set counts as none. */
export function preferencesOf({ config }: Parts, ctx: Context): Preferences {
  const cookie = ctx.state.cookieless ? undefined : ctx.cookies.get(preferencesCookie(config.secure), { signed: false })
  if (!cookie) {
    return NONE
  }
  const [theme, text_size, enter] = cookie.split('.', 3)
  return newPreferences.safeParse({ theme, text_size, enter }).data ?? NONE
}

export function keepPreferences({ config }: Parts, ctx: Context, { theme, text_size, enter }: Preferences) {
  ctx.cookies.set(preferencesCookie(config.secure), `${theme}.${text_size}.${enter}`, {
    maxAge: LIMITS.cookieDays * 86_400_000,
    // Nothing depends on it but how pages look to its own sender.
    signed: false,
    httpOnly: true,
    sameSite: 'lax',
    secure: config.secure,
  })
}
