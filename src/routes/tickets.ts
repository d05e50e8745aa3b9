import Router from '@koa/router'
import { createTicket } from '../db/tickets.js'
import { notSignedIn, Refusal } from '../errors.js'
import { madeTicket } from '../http/answers.js'
import type { Parts, State } from '../http/context.js'
import { allowsOrigin } from '../http/headers.js'
import { check } from '../http/input.js'
import { mark } from '../http/marks.js'
import { newTicket } from '../http/schemas.js'
import { keyHash, randomKey } from '../keys.js'
import { EXACT, limit } from './scope.js'

/** Tickets: each opens one stream for a page of another origin, as a browser sends no token when it opens one (docs/decisions/022). */
export function tickets(parts: Parts) {
  const { config, db } = parts
  const router = new Router<State>(EXACT)

  const making = mark({
    cookieless: true,
    rate: 'tickets',
    body: newTicket,
    operation: {
      id: 'makeTicket',
      does: 'Make a ticket, by which a page of another origin opens one stream',
      who: 'user',
      scope: 'any',
      answers: { 201: madeTicket },
      example: { origin: 'https://app.example.org' },
    },
  })
  router.post('/tickets', making, async ctx => {
    const { identity } = ctx.state
    if (!identity) {
      throw notSignedIn()
    }
    limit(parts, ctx)
    // A browser says by itself whose page asks.
    const ofPage = ctx.get('origin') ? { origin: ctx.get('origin') } : {}
    const { origin } = check({ ...ofPage, ...ctx.state.fields }, newTicket)
    if (origin === undefined || !allowsOrigin(config, origin)) {
      throw wrongOrigin(origin)
    }
    const ticket = randomKey()
    const expires_at = await createTicket(db, {
      ticket_hash: keyHash(ticket),
      token_hash: identity.hash,
      origin,
    })
    ctx.status = 201
    ctx.body = { ticket, origin, expires_at }
  })

  return router
}

function wrongOrigin(origin: string | undefined): Refusal {
  const sentence =
    origin === undefined
      ? 'Say of which origin the page is that will use the ticket.'
      : 'Pages of this origin may not call this API: the operator has to name it in CORS_ORIGINS.'
  const code = origin === undefined ? 'required' : 'not_offered'
  return new Refusal('invalid_input', sentence, { faults: [{ field: 'origin', code, sentence }] })
}
