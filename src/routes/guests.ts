import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { createGuest } from '../db/guests.js'
import { takeFromRate } from '../db/limits.js'
import { tooMany } from '../errors.js'
import { addressOf } from '../http/address.js'
import { signIn } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { prepareForms, visitHash } from '../http/csrf.js'
import { read } from '../http/input.js'
import { ownUserJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { redirect, showPage } from '../http/respond.js'
import { newGuest } from '../http/schemas.js'
import { formAgain, submitForm } from './forms.js'
import { enter, notAdmitted } from './members.js'
import { chatPath, EXACT, limit, requireChat } from './scope.js'

/** Joining a chat as a guest, with a name and no account. */
export function guests(parts: Parts) {
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/guests' })

  router.post('/', mark({ entrance: true, signsIn: true, rate: 'tries' }), async ctx => {
    const chat = await requireChat(parts, ctx)
    const path = chatPath(chat.uri)
    if (ctx.state.user) {
      await enter(parts, chat.uri, ctx.state.user)
      await redirect(ctx, path, () => ({
        status: 'SUCCESS',
        uri: chat.uri,
        user: ctx.state.user && ownUserJson(ctx.state.user),
      }))
      return
    }
    const comeIn = async () => {
      limit(parts, ctx)
      const { name } = read(ctx, newGuest)
      await limitGuests(parts, ctx)
      const { user, joined } = await createGuest(parts.db, chat.uri, { name, visit_hash: visitHash(parts, ctx) })
      if (!user) {
        throw notAdmitted(joined.outcome)
      }
      parts.live.reached(joined.chat_id, joined.version)
      await signIn(parts, ctx, user, null)
      await redirect(ctx, path, () => {
        ctx.status = 201
        // A program that comes as a guest has a cookie too, so it needs the form token for what it sends next.
        prepareForms(parts, ctx)
        return { status: 'SUCCESS', uri: chat.uri, user: ownUserJson(user), csrf: ctx.state.csrf }
      })
    }
    await submitForm(parts, ctx, comeIn, refusal =>
      showPage(parts, ctx, 'chats/invite.njk', { ...formAgain(ctx, refusal), chat, next: path }),
    )
  })

  return router
}

/** Throws 429 after too many new guests from one address. */
async function limitGuests({ db, config }: Parts, ctx: RouteContext) {
  const wait = config.limited ? await takeFromRate(db, 'guest address', addressOf(ctx), LIMITS.guests) : 0
  if (wait > 0) {
    throw tooMany(wait, 'Many guests have come from your address. Please sign up, or try again later.')
  }
}
