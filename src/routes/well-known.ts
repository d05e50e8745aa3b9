import Router from '@koa/router'
import { notFound } from '../errors.js'
import { absolute } from '../http/address.js'
import type { Parts, State } from '../http/context.js'
import { mark } from '../http/marks.js'
import { seeOther } from '../http/respond.js'
import { EXACT } from './scope.js'

/** For how many days what security.txt says holds: less than a year (RFC 9116, section 2.5.5). */
const HOLDS_FOR = 180

/** What programs look for at the same place of every site (RFC 8615). */
export function wellKnown(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/.well-known' })

  /** Whom to tell of a fault (RFC 9116), where the operator has said so. */
  router.get('/security.txt', mark({ anonymous: true }), ctx => {
    const { securityContact } = parts.config
    if (!securityContact) {
      throw notFound()
    }
    const expires = new Date(Date.now() + HOLDS_FOR * 86_400_000)
    expires.setUTCHours(0, 0, 0, 0)
    ctx.type = 'text'
    ctx.body = [
      `Contact: ${securityContact}`,
      `Expires: ${expires.toISOString()}`,
      'Preferred-Languages: en',
      `Canonical: ${absolute(parts, ctx, '/.well-known/security.txt')}`,
      '',
    ].join('\n')
  })

  /** Where password managers lead people (W3C, A Well-Known URL for Changing Passwords). */
  router.get('/change-password', mark({ anonymous: true }), ctx => {
    seeOther(ctx, '/account#password')
  })

  return router
}
