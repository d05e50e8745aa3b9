import { z } from 'zod'
import { LIMITS } from '../config.js'
import { passwordFaults } from '../passwords.js'
import {
  asText,
  displayName,
  email,
  integer,
  knownUsername,
  nameToShow,
  next,
  noMoreThan,
  orEmpty,
  password,
  rule,
  text,
  tokenName,
  username,
} from './fields.js'
import { submissionKey } from './schemas.js'

/** A guest, who has only a name. */
export const newGuest = z.object({ name: displayName, ...submissionKey.shape })

export const newUser = z.object({ username, password, email }).superRefine(requireSafePassword)

/** The same from the page's form. */
export const newUserForm = z
  .object({ username, password, email, next, ...submissionKey.shape })
  .superRefine(requireSafePassword)

function requireSafePassword(
  { username, password, email }: { username: string; password: string; email: string },
  issues: z.RefinementCtx,
) {
  for (const [code, message] of passwordFaults(password, { username, email })) {
    issues.addIssue({ code: 'custom', path: ['password'], message, params: { code } })
  }
}

/** A message that could not be sent because the session had ended, kept during the login; its seal (draftSeal); and what it answers. */
const draft = z.object({
  draft: z.preprocess(
    asText,
    text(LIMITS.messageBytes, 'This message is too long to be taken along. Shorten it, and sign in again.'),
  ),
  draft_of: z.preprocess(asText, text(LIMITS.sealBytes, noMoreThan(LIMITS.sealBytes))),
  reply_to: integer.optional().catch(undefined),
})

export const credentials = z.object({ username: knownUsername, password, next, ...draft.shape })

/** From the query of a page. */
export const nextOnly = z.object({ next: next.catch('') })

/** A new password of a known user, to whose username and email it must not be similar. */
export const newPassword = (about: { username: string; email: string }) =>
  z.object({
    password: password.superRefine((value, issues) => {
      for (const [code, message] of passwordFaults(value, about)) {
        issues.addIssue({ code: 'custom', message, params: { code } })
      }
    }),
  })

/** The same from a signed-in user, with their current password. */
export const changedPassword = (about: { username: string; email: string }) =>
  newPassword(about).extend({ current_password: password })

/** A field that is left out stays as it is. */
export const changedUser = ({ username }: { username: string }) =>
  z.object({ name: nameToShow(username).optional(), email: email.optional() })

const NO_PREFERENCE = 'Choose one of those that are offered.'
const one = <const Values extends readonly string[]>(values: Values) => z.enum(values, { error: NO_PREFERENCE })

/** `auto`: by the device. */
export const newPreferences = z.object({
  theme: one(['system', 'light', 'dark']),
  text_size: one(['normal', 'large', 'larger']),
  enter: one(['auto', 'send', 'line']),
})

/** How a reader wants the pages: kept in a cookie of their browser, for visitors too. */
export type Preferences = z.output<typeof newPreferences>

export const ownPassword = z.object({ password })

/** How users say that they mean their deletion: accounts by the password, guests by the box. */
export const deletion = z.object({ password: password.optional(), sure: z.unknown().optional() })

/** A box that was ticked. */
export const certainty = z.object({
  sure: z.literal(['on', 'true', true], 'Tick the box if you want to be deleted.'),
})

export const newToken = z.object({
  name: tokenName.refine(value => value !== '', rule('blank', 'This field may not be blank.')),
})

/** The credentials with which a program gets a token. */
export const tokenCredentials = z.object({
  username: knownUsername,
  password,
  name: orEmpty(tokenName),
})

/** The change that the page confirms. */
export const doneQuery = z.object({
  done: z.enum(['name', 'email', 'password', 'session', 'token', 'tokens', 'kept']).optional().catch(undefined),
})
