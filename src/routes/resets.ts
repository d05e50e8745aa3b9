import Router from '@koa/router'
import { findReset, useReset } from '../db/resets.js'
import { Refusal } from '../errors.js'
import { newPassword } from '../http/account-schemas.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { read } from '../http/input.js'
import { mark } from '../http/marks.js'
import { respondPage, seeOther, showPage } from '../http/respond.js'
import { keyHash } from '../keys.js'
import { hashPassword } from '../passwords.js'
import { formAgain, submitForm } from './forms.js'
import { EXACT, limit } from './scope.js'

/** Setting a new password by a link that the operator made (`npm run users -- reset-password <name>`). */
export function resets(parts: Parts) {
  const { db, live } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/reset' })

  router.get('/:key', async ctx => {
    const user = await requireReset(ctx)
    await respondPage(ctx, () => showPage(parts, ctx, 'resets/edit.njk', { username: user.username, errors: {} }))
  })

  router.post(
    '/:key',
    mark({ entrance: true, rate: 'tries', body: newPassword({ username: '', email: '' }) }),
    async ctx => {
      const user = await requireReset(ctx)
      const { username, email } = user
      const reset = async () => {
        limit(parts, ctx)
        const { password } = read(ctx, newPassword({ username, email }))
        if (!(await useReset(db, keyHash(ctx.params.key ?? ''), await hashPassword(password)))) {
          throw gone()
        }
        live.ended(user.id)
        await respondPage(ctx, () => seeOther(ctx, '/login'))
      }
      await submitForm(parts, ctx, reset, refusal =>
        showPage(parts, ctx, 'resets/edit.njk', { username, errors: formAgain(ctx, refusal).errors }),
      )
    },
  )

  return router

  async function requireReset(ctx: RouteContext) {
    const user = await findReset(db, keyHash(ctx.params.key ?? ''))
    if (!user) {
      throw gone()
    }
    return user
  }
}

function gone() {
  return new Refusal('link_used', 'This link has been used or has run out. Ask for a new one.')
}
