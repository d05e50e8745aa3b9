import Router from '@koa/router'
import { changePassword, changeUser, deleteUser, keepGuest, type User, type Verified } from '../db/users.js'
import { invalid, Refusal } from '../errors.js'
import { certainty, changedPassword, changedUser, deletion, newUser, ownPassword } from '../http/account-schemas.js'
import { accountAgain, account as accountAnswer } from '../http/answers.js'
import { passwordChanged, requireAccount, requireUser, signIn, signOut } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { prepareForms } from '../http/csrf.js'
import { read } from '../http/input.js'
import { ownAccountJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { leadTo, redirect, respond } from '../http/respond.js'
import { hashPassword } from '../passwords.js'
import { type DONE, onAccountPage, showAccount, toAccount } from './account-page.js'
import { checkPassword } from './credentials.js'
import { count, EXACT, limit } from './scope.js'
import { settle } from './settle.js'
import { asLookalike, nameTaken, requireFreeName } from './users.js'

/** The user's own account: its name, e-mail address and password, its deletion, and how a guest's becomes one to keep. */
export function account(parts: Parts) {
  const { db, live, log } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/account' })

  const getting = {
    id: 'getAccount',
    does: 'Your account',
    who: 'user',
    scope: 'read',
    answers: { 200: accountAnswer },
  } as const
  router.get('/', mark({ operation: getting }), async ctx => {
    const user = requireUser(ctx)
    await respond(ctx, {
      page: () => showAccount(parts, ctx, user),
      fragment: () => leadTo(ctx, '/account'),
      json: () => ownAccountJson(user),
    })
  })

  const ofAnybody = { username: '', email: '' }
  const changing = mark({
    rate: 'tries',
    body: changedUser(ofAnybody),
    operation: {
      id: 'changeAccount',
      does: 'Change your name or e-mail address',
      who: 'user',
      scope: 'manage',
      answers: { 200: accountAgain },
      problems: ['name_taken', 'name_alike', 'account_only', 'wrong_password', 'too_many_passwords'],
      example: { name: 'Ann Lee' },
    },
  })
  router.patch('/', changing, change)
  router.post('/', changing, change)
  const settingPassword = mark({
    signsIn: true,
    rate: 'tries',
    body: changedPassword(ofAnybody),
    operation: {
      id: 'setPassword',
      does: 'Change your password',
      who: 'account',
      scope: 'manage',
      answers: { 200: accountAgain },
      problems: ['wrong_password', 'password_changed', 'too_many_passwords'],
      example: { current_password: 'correct horse battery', password: 'another horse battery' },
    },
  })
  router.put('/password', settingPassword, setPassword)
  router.post('/password', settingPassword, setPassword)
  const keeping = mark({
    signsIn: true,
    rate: 'tries',
    body: newUser,
    operation: {
      id: 'keepAccount',
      does: 'Make an account of a guest',
      who: 'user',
      scope: 'manage',
      answers: { 200: accountAgain },
      problems: ['already_account', 'name_taken', 'name_alike', 'too_many_passwords'],
      example: { username: 'ann', password: 'correct horse battery' },
    },
  })
  router.post('/keep', keeping, keep)
  const removing = mark({
    signsIn: true,
    rate: 'tries',
    body: deletion,
    operation: {
      id: 'deleteAccount',
      does: 'Delete your account: by the password, as a guest by sure',
      who: 'user',
      scope: 'manage',
      answers: { 204: null },
      problems: ['wrong_password', 'password_changed', 'too_many_passwords'],
      example: { password: 'correct horse battery' },
    },
  })
  router.delete('/', removing, remove)
  router.post('/delete', removing, remove)

  return router

  async function change(ctx: RouteContext) {
    const user = requireUser(ctx)
    const form = ctx.state.fields?.name === undefined ? 'email' : 'name'
    await onAccountPage(parts, ctx, form, async () => {
      limit(parts, ctx)
      const { name, email, password } = read(ctx, changedUser(user))
      if (email !== undefined) {
        requireAccount(ctx)
        await checkPassword(parts, ctx, user, 'password', password ?? read(ctx, ownPassword).password)
      }
      const renamed = name !== undefined && name !== user.name
      if (renamed) {
        count(parts, ctx, 'renames', user.id)
      }
      const changed = await changeUser(db, user.id, { name: renamed ? name : undefined, email }).catch(
        asLookalike('name'),
      )
      if (!changed) {
        throw invalid('name_taken', 'name', 'Somebody else has this username. Please choose another name.')
      }
      live.ended(user.id)
      if (renamed) {
        await settle(parts, user)
      }
      await answer(ctx, form, { ...user, name: name ?? user.name, email: email ?? user.email })
    })
  }

  async function setPassword(ctx: RouteContext) {
    const user = requireAccount(ctx)
    await onAccountPage(parts, ctx, 'password', async () => {
      const { username, email } = user
      limit(parts, ctx)
      const { current_password, password } = read(ctx, changedPassword({ username, email }))
      const verified = await checkPassword(parts, ctx, user, 'current_password', current_password)
      const password_hash = await hashPassword(password)
      if (!(await changePassword(db, verified, password_hash))) {
        throw passwordChanged()
      }
      live.ended(user.id)
      await goOnAs(ctx, user, password_hash)
      await answer(ctx, 'password', user)
    })
  }

  async function keep(ctx: RouteContext) {
    const guest = requireUser(ctx)
    await onAccountPage(parts, ctx, 'keep', async () => {
      if (guest.kind !== 'guest') {
        throw new Refusal('already_account', 'This account is yours to keep already.')
      }
      limit(parts, ctx)
      const { username, email, password } = read(ctx, newUser)
      await requireFreeName(parts, ctx, username, 422)
      const password_hash = await hashPassword(password)
      const user = await keepGuest(db, guest.id, { username, email, password_hash }).catch(asLookalike('username'))
      if (user === 'taken') {
        throw nameTaken(422)
      }
      if (user === 'no guest') {
        throw new Refusal('already_account', 'This account is yours to keep already.')
      }
      live.ended(guest.id)
      await goOnAs(ctx, user, password_hash)
      await settle(parts, user)
      await answer(ctx, 'kept', user)
    })
  }

  async function remove(ctx: RouteContext) {
    const user = requireUser(ctx)
    await onAccountPage(parts, ctx, 'delete', async () => {
      limit(parts, ctx)
      if (!(await deleteUser(db, await verify(ctx, user)))) {
        throw passwordChanged()
      }
      live.ended(user.id)
      log.info({ user: user.id }, 'deleted their account')
      await settle(parts, user)
      if (!ctx.state.cookieless) {
        await signOut(parts, ctx)
      }
      await redirect(ctx, '/')
    })
  }

  /** Makes sure that the user means it. A guest has no password, and ticks a box instead. */
  async function verify(ctx: RouteContext, user: User): Promise<Verified> {
    if (user.kind === 'guest') {
      read(ctx, certainty)
      return { id: user.id, password_hash: null }
    }
    return checkPassword(parts, ctx, user, 'password', read(ctx, ownPassword).password)
  }

  /** All sessions have ended. A browser gets a new one; a program keeps its token. */
  async function goOnAs(ctx: RouteContext, user: User, password_hash: string) {
    if (!ctx.state.cookieless) {
      await signIn(parts, ctx, user, password_hash)
      // The form token was bound to the old session: the page's script needs a new one.
      prepareForms(parts, ctx)
    }
  }

  async function answer(ctx: RouteContext, done: keyof typeof DONE, user: User) {
    await toAccount(ctx, { done, json: () => ({ ...ownAccountJson(user), csrf: ctx.state.csrf }) })
  }
}
