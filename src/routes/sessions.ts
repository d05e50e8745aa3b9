import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { becomeAccount } from '../db/guests.js'
import { passingOn } from '../db/owners.js'
import { endSessionOf, sessionsOf } from '../db/sessions.js'
import type { User } from '../db/users.js'
import { notFound } from '../errors.js'
import { credentials, nextOnly } from '../http/account-schemas.js'
import { ownSessions } from '../http/answers.js'
import { isCurrent, requireUser, signIn, signOut } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read, readId, readQuery } from '../http/input.js'
import { sessionJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { respondPage, seeOther, showPage } from '../http/respond.js'
import { toAccount } from './account-page.js'
import { checkCredentials } from './credentials.js'
import { showDraft } from './drafts.js'
import { formAgain, submitForm } from './forms.js'
import { EXACT, limit } from './scope.js'
import { chatName } from './settings.js'
import { settle } from './settle.js'

/** Signing in and out, and the user's sessions in other browsers. */
export function sessions(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>(EXACT)

  router.get('/login', mark({ query: nextOnly }), async ctx => {
    const { next } = readQuery(ctx, nextOnly)
    await respondPage(ctx, () => showPage(parts, ctx, 'sessions/login.njk', { next, values: {}, errors: {} }))
  })

  router.post('/login', mark({ entrance: true, signsIn: true, rate: 'tries', body: credentials }), async ctx => {
    const signingIn = async () => {
      limit(parts, ctx)
      const fields = read(ctx, credentials)
      const { user, password_hash } = await checkCredentials(parts, ctx, fields, 422)
      const guest = ctx.state.user?.kind === 'guest' ? ctx.state.user : undefined
      if (guest) {
        await becomeAccount(db, guest.id, user.id)
        live.ended(guest.id)
      }
      await signIn(parts, ctx, user, password_hash)
      if (guest) {
        await settle(parts, guest)
      }
      await respondPage(ctx, async () => {
        if (!(await showDraft(parts, ctx, user, fields))) {
          seeOther(ctx, fields.next || '/')
        }
      })
    }
    await submitForm(parts, ctx, signingIn, refusal =>
      showPage(parts, ctx, 'sessions/login.njk', formAgain(ctx, refusal)),
    )
  })

  /** Warns guests before they sign out, because they cannot sign in again. */
  router.get('/logout', async ctx => {
    await respondPage(ctx, async () => {
      const { user } = ctx.state
      if (!user) {
        seeOther(ctx, '/')
        return
      }
      const chats = user.kind === 'guest' ? await passingOn(db, user.id, LIMITS.chatsPerPage + 1) : []
      showPage(parts, ctx, 'sessions/logout.njk', {
        chats: chats.slice(0, LIMITS.chatsPerPage).map(chat => ({ ...chat, name: chatName(chat) })),
        more: chats.length > LIMITS.chatsPerPage,
      })
    })
  })

  router.post('/logout', mark({ signsIn: true }), async ctx => {
    const { user } = ctx.state
    if (user) {
      await signOut(parts, ctx)
      await settleGuest(user)
    }
    await respondPage(ctx, () => seeOther(ctx, '/'))
  })

  const listing = {
    id: 'listSessions',
    does: 'List your sessions',
    who: 'user',
    scope: 'manage',
    answers: { 200: ownSessions },
  } as const
  router.get('/account/sessions', mark({ operation: listing }), async ctx => {
    const user = requireUser(ctx)
    await toAccount(ctx, {
      json: async () => ({
        sessions: (await sessionsOf(db, user.id)).map(session => sessionJson(session, isCurrent(ctx, session))),
      }),
    })
  })

  const ending = mark({
    operation: {
      id: 'endSession',
      does: 'End one of your sessions',
      who: 'user',
      scope: 'manage',
      answers: { 204: null },
    },
  })
  router.delete('/account/sessions/:id', ending, end)
  router.post('/account/sessions/:id/end', ending, end)

  return router

  async function end(ctx: RouteContext) {
    const user = requireUser(ctx)
    if (!(await endSessionOf(db, user.id, readId(ctx.params.id)))) {
      throw notFound()
    }
    live.ended(user.id)
    await settleGuest(user)
    await toAccount(ctx, { done: 'session' })
  }

  /** A guest without a session is gone. */
  async function settleGuest(user: User) {
    if (user.kind === 'guest') {
      await settle(parts, user)
    }
  }
}
