import Router from '@koa/router'
import { LIMITS } from '../config.js'
import { takeFromRate } from '../db/limits.js'
import type { Db } from '../db/schema.js'
import { beginBySubmission } from '../db/submissions.js'
import { Lookalike, requireDistinct } from '../db/usernames.js'
import { createUser, findUser, keepGuest, type User, type Verified } from '../db/users.js'
import { invalid, looksTaken } from '../errors.js'
import { newUser, newUserForm, nextOnly } from '../http/account-schemas.js'
import { addressOf } from '../http/address.js'
import { newAccount } from '../http/answers.js'
import { signedOut } from '../http/authentication.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { visitHash } from '../http/csrf.js'
import { read, readQuery } from '../http/input.js'
import { accountJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { overShared } from '../http/rate-limits.js'
import { respondPage, seeOther, showPage } from '../http/respond.js'
import { hashPassword } from '../passwords.js'
import { formAgain, submitForm } from './forms.js'
import { EXACT, limit } from './scope.js'
import { settle } from './settle.js'
import { once } from './submissions.js'

/** Signing up. */
export function users(parts: Parts) {
  const router = new Router<State>(EXACT)

  router.get('/signup', mark({ query: nextOnly }), async ctx => {
    const { next } = readQuery(ctx, nextOnly)
    await respondPage(ctx, () => showPage(parts, ctx, 'users/signup.njk', { next, values: {}, errors: {} }))
  })

  router.post('/signup', mark({ entrance: true, signsIn: true, rate: 'tries', body: newUserForm }), async ctx => {
    const signingUp = async () => {
      const guest = guestOf(ctx)
      limit(parts, ctx)
      const { path } = await once(parts, ctx, async ({ submission, session }) => {
        const fields = read(ctx, newUserForm)
        const path = fields.next || '/'
        const sent = submission && { ...submission, path }
        const user = await signUp(parts, ctx, fields, 422, (trx, verified) =>
          beginBySubmission(trx, verified, session, sent),
        )
        return { user, path }
      })
      if (guest) {
        parts.live.ended(guest.id)
        await settle(parts, guest)
      }
      await respondPage(ctx, () => seeOther(ctx, path))
    }
    await submitForm(parts, ctx, signingUp, refusal =>
      showPage(parts, ctx, 'users/signup.njk', formAgain(ctx, refusal)),
    )
  })

  router.post(
    ['/auth/users/create', '/auth/users'],
    mark({
      anonymous: true,
      rate: 'tries',
      body: newUser,
      lenient: true,
      operation: {
        id: 'createUser',
        does: 'Sign up',
        who: 'anybody',
        scope: 'any',
        answers: { 201: newAccount },
        problems: ['name_taken', 'name_alike', 'too_many_passwords'],
        example: { username: 'ann', password: 'correct horse battery' },
      },
    }),
    async ctx => {
      limit(parts, ctx)
      const user = await signUp(parts, ctx, read(ctx, newUser, 400), 400)
      ctx.status = 201
      ctx.body = accountJson(user)
    },
  )

  return router
}

/** Throws `status` when the name is taken, and 429 after too many accounts from one address. `andThen` belongs to the transaction. */
async function signUp(
  parts: Parts,
  ctx: RouteContext,
  { username, password, email }: { username: string; password: string; email: string },
  status: number,
  andThen?: (trx: Db, verified: Verified) => Promise<void>,
): Promise<User> {
  await requireFreeName(parts, ctx, username, status)
  const password_hash = await hashPassword(password)
  const guest = guestOf(ctx)
  const fields = { username, email, password_hash }
  const finish = async (trx: Db, { id }: User) => andThen?.(trx, { id, password_hash })
  const made = guest
    ? keepGuest(parts.db, guest.id, fields, finish)
    : createUser(parts.db, { ...fields, visit_hash: visitHash(parts, ctx) }, finish)
  const user = await made.catch(asLookalike('username', status))
  if (!user || user === 'taken') {
    throw nameTaken(status)
  }
  if (user === 'no guest') {
    throw signedOut()
  }
  return user
}

/** A guest who signs up keeps what is theirs. */
function guestOf(ctx: RouteContext): User | undefined {
  return ctx.state.user?.kind === 'guest' ? ctx.state.user : undefined
}

/**
 * Makes sure that nobody has the name yet, nor one that looks like it. Throws `status` when it is taken, and 429 after too many accounts
 * from one address.
 */
export async function requireFreeName({ db, config }: Parts, ctx: RouteContext, username: string, status: number) {
  if (config.limited) {
    const wait = await takeFromRate(db, 'sign-up address', addressOf(ctx), LIMITS.signUps)
    if (wait > 0) {
      throw overShared('signUps', wait, 'Too many accounts were made from your address. Please try again later.')
    }
  }
  // Asked before the costly hash. Between two requests at once the database decides.
  if (await findUser(db, username)) {
    throw nameTaken(status)
  }
  await requireDistinct(db, username).catch(asLookalike('username', status))
}

/** For what Lookalike ends: its sentence stands beside `field`. */
export function asLookalike(field: string, status?: number) {
  return (error: unknown): never => {
    throw error instanceof Lookalike ? looksTaken(field, status) : error
  }
}

export function nameTaken(status: number) {
  return invalid('name_taken', 'username', 'A user with that username already exists.', status)
}
