import { LIMITS } from '../config.js'
import { chatsOf } from '../db/chats.js'
import { SCOPES } from '../db/schema.js'
import { sessionsOf } from '../db/sessions.js'
import { tokensOf } from '../db/tokens.js'
import type { User } from '../db/users.js'
import { doneQuery } from '../http/account-schemas.js'
import { isCurrent, requireUser } from '../http/authentication.js'
import type { Parts, RouteContext } from '../http/context.js'
import { asText } from '../http/fields.js'
import { readQuery } from '../http/input.js'
import { leadTo, noContent, respond, seeOther, showPage } from '../http/respond.js'
import type { AccountForm } from '../http/view-values.js'
import { formAgain, submitForm } from './forms.js'
import { chatName } from './settings.js'

/**
 * Leads back to the account's page, which says what was done. Programs get the JSON, or 204 where there is none. `#main` takes browsers
 * to the top of the page: else they would go on to the form that was sent.
 */
export async function toAccount(
  ctx: RouteContext,
  { done, json = () => noContent(ctx) }: { done?: keyof typeof DONE; json?: () => unknown },
) {
  const path = done ? `/account?done=${done}` : '/account'
  await respond(ctx, { page: () => seeOther(ctx, `${path}#main`), fragment: () => leadTo(ctx, path), json })
}

export const DONE = {
  name: 'Your name is changed, in all your chats.',
  email: 'Your e-mail address is changed.',
  password: 'Your password is changed. You are signed out everywhere else.',
  session: 'The session has ended.',
  token: 'The program’s access is ended.',
  tokens: 'All access for programs is ended.',
  kept: 'This account is yours to keep now. Sign in by your username and password wherever you are.',
}

/** Submits one of the page's forms. Where that is refused, the page comes back with the reason beside the fields of that form. */
export async function onAccountPage(parts: Parts, ctx: RouteContext, form: AccountForm, submit: () => Promise<void>) {
  await submitForm(parts, ctx, submit, async refusal => {
    const values = await accountValues(parts, ctx, requireUser(ctx), form)
    showPage(parts, ctx, 'account/show.njk', { ...values, ...formAgain(ctx, refusal) })
  })
}

/** Shows the page. `made` is a new token: it is shown this once. */
export async function showAccount(
  parts: Parts,
  ctx: RouteContext,
  user: User,
  { made }: { made?: { name: string; key: string } } = {},
) {
  const { done } = readQuery(ctx, doneQuery)
  const values = await accountValues(parts, ctx, user, '')
  showPage(parts, ctx, 'account/show.njk', {
    ...values,
    done: (done && !made && DONE[done]) || '',
    // Tokens outlive a password. Somebody who changed it because others know it may want to revoke them too.
    tokens_go_on: done === 'password' && !made && values.tokens.length > 0,
    made: made ?? null,
  })
}

async function accountValues({ db }: Parts, ctx: RouteContext, user: User, form: AccountForm | '') {
  const hasTokens = user.kind === 'account'
  const [sessions, tokens, chats] = await Promise.all([
    sessionsOf(db, user.id),
    hasTokens ? tokensOf(db, user.id) : [],
    hasTokens ? chatsOf(db, user.id, LIMITS.chatsPerPage) : [],
  ])
  const { scopes, chat, expires_at } = form === 'token' ? (ctx.state.fields ?? {}) : { scopes: SCOPES }
  return {
    form,
    values: {},
    errors: {},
    done: '',
    tokens_go_on: false,
    made: null,
    sessions: sessions.map(session => ({ ...session, current: isCurrent(ctx, session) })),
    tokens: tokens.map(({ title, owner_name, ...token }) => ({
      ...token,
      chat: owner_name === null ? null : chatName({ title, owner_name }),
    })),
    token_form: {
      chats: chats.map(chat => ({ uri: chat.uri, name: chatName(chat) })),
      scopes: [scopes].flat().map(asText),
      chat: asText(chat),
      expires_at: asText(expires_at),
    },
  }
}
