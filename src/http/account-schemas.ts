import { z } from 'zod'
import { LIMITS } from '../config.js'
import { URI } from '../db/chats.js'
import { SCOPES } from '../db/schema.js'
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

export const newBot = z.object({ name: displayName })

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

/** A field that is left out stays as it is. The e-mail address changes by the password alone. */
export const changedUser = ({ username }: { username: string }) =>
  z.object({ name: nameToShow(username).optional(), email: email.optional(), password: password.optional() })

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

/** Where more than there are were sent, some are wrong. */
const SCOPES_AT_MOST = 2 * SCOPES.length

const ONE_URI = new RegExp(`^${URI}$`)

/** Forms send an empty one besides, so that none that is ticked is not the same as none that is sent. */
const scopes = z
  .preprocess(
    value =>
      Array.isArray(value) || typeof value === 'string'
        ? [...new Set([value].flat())].filter(one => one !== '').slice(0, SCOPES_AT_MOST)
        : value,
    z
      .array(z.enum(SCOPES, { error: `Must be ${SCOPES.join(', ')}.` }))
      .refine(list => list.length > 0, rule('blank', 'Choose at least one.'))
      .meta({ minItems: 1 }),
  )
  .optional()

const NO_TIME = 'Must be a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z.'

/** A time to come, or the end of a day (UTC). Empty and null: none. */
const timeToCome = z
  .preprocess(
    value => (value === '' ? null : value),
    text(LIMITS.keyBytes, NO_TIME)
      .transform(value => (z.iso.date().safeParse(value).success ? `${value}T23:59:59.999Z` : value))
      .refine(value => z.iso.datetime({ offset: true }).safeParse(value).success, {
        ...rule('invalid', NO_TIME),
        abort: true,
      })
      .transform(value => new Date(value))
      .refine(value => value.getTime() > Date.now(), rule('invalid', 'Must be in the future.'))
      .nullable(),
  )
  .optional()
  .meta({ format: 'date-time' })

/** What a token may do: everything, where nothing is said. `chat`: the uri of the only chat that it is for. */
const rights = z.object({
  scopes,
  chat: orEmpty(
    text(LIMITS.lineBytes, 'Not the URI of a chat.').refine(
      value => value === '' || ONE_URI.test(value),
      rule('invalid', 'Not the URI of a chat.'),
    ),
  ),
  expires_at: timeToCome,
})

export const newToken = rights.extend({
  name: tokenName.refine(value => value !== '', rule('blank', 'This field may not be blank.')),
})

/** The credentials with which a program gets a token. */
export const tokenCredentials = z.object({
  username: knownUsername,
  password,
  name: orEmpty(tokenName),
  ...rights.shape,
})

/** The change that the page confirms. */
export const doneQuery = z.object({
  done: z.enum(['name', 'email', 'password', 'session', 'token', 'tokens', 'kept']).optional().catch(undefined),
})
