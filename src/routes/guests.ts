import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { createChat } from '../db/chats.js'
import { joinAsGuest, startAsGuest } from '../db/guests.js'
import { takeFromRate } from '../db/limits.js'
import type { User } from '../db/users.js'
import { newGuest } from '../http/account-schemas.js'
import { addressOf, networkOf } from '../http/address.js'
import { guestInChat } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { prepareForms, visitHash } from '../http/csrf.js'
import { read } from '../http/input.js'
import { ownUserJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { rememberChange } from '../http/own-changes.js'
import { overShared } from '../http/rate-limits.js'
import { redirect, showPage } from '../http/respond.js'
import { randomKey } from '../keys.js'
import { showInvitation } from './chats.js'
import { formAgain, submitForm } from './forms.js'
import { enter, notAdmitted } from './members.js'
import { chatPath, EXACT, limit, limitChats, requireChat } from './scope.js'
import { once } from './submissions.js'

/** Starting a chat and joining one as a guest, with a name and no account. */
export function guests(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>(EXACT)

  const entering = { entrance: true, signsIn: true, rate: 'tries', body: newGuest } as const
  const starting = mark({
    ...entering,
    operation: {
      id: 'startAsGuest',
      does: 'Come as a guest, and start a chat',
      who: 'anybody',
      scope: 'manage',
      answers: { 201: guestInChat, 200: guestInChat },
      example: { name: 'Gus' },
    },
  })
  router.post('/guests', starting, async ctx => {
    const start = async () => {
      limit(parts, ctx)
      const { user, path } = await once(parts, ctx, async ({ submission, session }) => {
        const { name } = read(ctx, newGuest)
        const uri = randomKey(16)
        const path = chatPath(uri)
        const sent = submission && { ...submission, path }
        if (ctx.state.user) {
          await limitChats(parts, ctx, ctx.state.user)
          const chat_id = await createChat(db, { owner_id: ctx.state.user.id, uri, title: null }, sent)
          live.chatLists.changed(ctx.state.user.id, chat_id)
          return { user: null, path }
        }
        await limitStarts(parts, ctx)
        const guest = { name, visit_hash: visitHash(parts, ctx), session, submission: sent }
        const user = await startAsGuest(db, uri, guest)
        await limitChats(parts, ctx, user)
        return { user, path }
      })
      await answer(ctx, user, path)
    }
    await submitForm(parts, ctx, start, refusal => showPage(parts, ctx, 'start/entrance.njk', formAgain(ctx, refusal)))
  })

  const joining = mark({
    ...entering,
    operation: {
      id: 'joinAsGuest',
      does: 'Come into a chat as a guest',
      who: 'anybody',
      scope: 'manage',
      answers: { 201: guestInChat, 200: guestInChat },
      problems: ['banned', 'joins_closed', 'no_guests', 'name_taken', 'name_alike', 'not_found'],
      example: { name: 'Gus' },
    },
  })
  router.post('/chats/:uri/guests', joining, async ctx => {
    const chat = await requireChat(parts, ctx)
    const path = chatPath(chat.uri)
    const comeIn = async () => {
      if (ctx.state.user) {
        await enter(parts, ctx, chat.uri, ctx.state.user)
        await redirect(ctx, path, () => ({
          status: 'SUCCESS',
          uri: chat.uri,
          user: ctx.state.user && ownUserJson(ctx.state.user),
        }))
        return
      }
      limit(parts, ctx)
      const { user } = await once(parts, ctx, async ({ submission, session }) => {
        const { name } = read(ctx, newGuest)
        await limitGuests(parts, ctx)
        const { user, joined } = await joinAsGuest(db, chat.uri, {
          name,
          visit_hash: visitHash(parts, ctx),
          session,
          submission: submission && { ...submission, path },
        })
        if (!user) {
          throw notAdmitted(joined.outcome)
        }
        live.reached(joined.chat_id, joined.version)
        rememberChange(parts, ctx, chat.uri, joined.version)
        return { user, path }
      })
      await answer(ctx, user, path)
    }
    await submitForm(parts, ctx, comeIn, refusal =>
      showInvitation(parts, ctx, chat, { ...formAgain(ctx, refusal), next: path }),
    )
  })

  return router

  /** A program that comes as a guest has a cookie too, so it needs the form token for what it sends next. */
  async function answer(ctx: RouteContext, user: User | null, path: string) {
    await redirect(ctx, path, () => {
      ctx.status = 201
      prepareForms(parts, ctx)
      const shown = user ?? ctx.state.user
      return {
        status: 'SUCCESS',
        uri: path.slice(chatPath('').length),
        user: shown && ownUserJson(shown),
        csrf: ctx.state.csrf,
      }
    })
  }
}

/** Throws 429 after too many new guests from one address. */
async function limitGuests(parts: Parts, ctx: RouteContext) {
  await take(parts, 'guest address', addressOf(ctx), 'guests')
}

/** The same for guests who start a chat. */
async function limitStarts(parts: Parts, ctx: RouteContext) {
  await take(parts, 'starting guest network', networkOf(ctx), 'startingGuests')
  await limitGuests(parts, ctx)
}

async function take({ db, config }: Parts, name: string, subject: string, rate: 'guests' | 'startingGuests') {
  const wait = config.limited ? await takeFromRate(db, name, subject, LIMITS[rate]) : 0
  if (wait > 0) {
    throw overShared(rate, wait, 'Many guests have come from your address. Please sign up, or try again later.')
  }
}
