import { z } from 'zod'
import { LIMITS } from '../config.js'
import { passwordFaults } from '../passwords.js'
import { REACTIONS } from '../text/reactions.js'
import {
  asText,
  choice,
  displayName,
  email,
  filled,
  fits,
  integer,
  knownUsername,
  limit,
  message,
  NO_INTEGER,
  nameToShow,
  next,
  noMoreThan,
  normalised,
  optionalText,
  password,
  searched,
  text,
  title,
  titleText,
  tokenName,
  username,
} from './fields.js'

/** A guest, who has only a name. */
export const newGuest = z.object({ name: displayName })

/** By which a form that browsers may send twice is known again: random, made with the page. Programs need none. */
export const submissionKey = z.object({ key: optionalText(LIMITS.keyBytes, noMoreThan(LIMITS.keyBytes)) })

export const newUser = z
  .object({ username, password, email, next })
  .superRefine(({ username, password, email }, issues) => {
    for (const fault of passwordFaults(password, { username, email })) {
      issues.addIssue({ code: 'custom', path: ['password'], message: fault })
    }
  })

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
      for (const fault of passwordFaults(value, about)) {
        issues.addIssue(fault)
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

/** A box that was ticked. */
export const certainty = z.object({
  sure: z.literal(['on', 'true', true], 'Tick the box if you want to be deleted.'),
})

export const newToken = z.object({
  name: tokenName.refine(value => value !== '', 'This field may not be blank.'),
})

/** The credentials with which a program gets a token. */
export const tokenCredentials = credentials.extend({ name: z.preprocess(value => value ?? '', tokenName) })

/** The change that the page confirms. */
export const doneQuery = z.object({
  done: z.enum(['name', 'email', 'password', 'session', 'token', 'tokens', 'kept']).optional().catch(undefined),
})

export const newChat = z.object({ title: title.transform(value => value || null) })

/** Settings of a chat. One that is left out stays as it is; null and an empty text remove the title. */
export const changedSettings = z.object({
  title: z.preprocess(value => (value === null ? '' : value), titleText.optional()),
  read_only: choice.optional(),
  joins_closed: choice.optional(),
  guests: choice.optional(),
})

/** The same from the page's form, where a box that is not ticked is not sent. */
export const settingsForm = z.object({
  title,
  read_only: choice.default(false),
  joins_closed: choice.default(false),
  guests: choice.default(false),
})

const NO_LIFE = 'Must be 3600, 86400, 604800, or empty for a link that does not expire.'

/** The lives of links, in seconds, and the words for them. Empty: no limit. */
export const LINK_LIVES = { '': 'until it is replaced', 3600: 'for 1 hour', 86400: 'for 1 day', 604800: 'for 7 days' }

export const newLink = z.object({
  expires_in: z
    .preprocess(value => (typeof value === 'number' ? String(value) : (value ?? '')), z.string({ error: NO_LIFE }))
    .refine(value => Object.hasOwn(LINK_LIVES, value), NO_LIFE)
    .transform(value => (value === '' ? null : Number(value))),
})

/** The id of a user, in a body. */
export const chosenUser = z.object({
  user_id: z.preprocess(
    value => (typeof value === 'number' ? String(value) : value),
    filled(15, NO_INTEGER).pipe(integer),
  ),
})

export const removal = z.object({ ban: choice.optional() })

/** The name of the chat, typed to confirm its deletion. */
export const typedName = z.object({
  name: filled(LIMITS.lineBytes, 'This is not the name of the chat. Please type it exactly as it is shown.'),
})

/** A request to join may name its user, as clients of the original app do. */
export const newMember = z.object({
  username: optionalText(LIMITS.nameBytes, noMoreThan(LIMITS.nameCodePoints))
    .transform(normalised)
    .refine(...fits(LIMITS.nameCodePoints)),
})

export const editedMessage = z.object({ message })

const NO_REACTION = 'Choose one of the reactions that are offered.'

export const newReaction = z.object({
  emoji: filled(LIMITS.emojiBytes, NO_REACTION).refine(value => Object.hasOwn(REACTIONS, value), NO_REACTION),
})

export const newMessage = z
  .object({
    message,
    key: optionalText(LIMITS.lineBytes, noMoreThan(LIMITS.keyLength))
      .refine(...fits(LIMITS.keyLength))
      .transform(value => value || null),
    /** The id of the message that this answers. Forms send an empty one if it answers none. */
    reply_to: z.preprocess(
      value => (typeof value === 'number' ? String(value) : value || undefined),
      integer.optional(),
    ),
  })
  .transform(({ reply_to = null, ...fields }) => ({ ...fields, reply_to }))

/** The cursor of the composer: the answer contains all events after it. An invalid one counts as none. */
export const composerCursor = z.object({ after: integer.optional().catch(undefined) })

export const eventsQuery = z.object({
  after: integer.optional(),
  before: integer.optional(),
  limit: integer
    .refine(n => n >= 1 && n <= LIMITS.messagesPerListAtMost, `Must be from 1 to ${LIMITS.messagesPerListAtMost}.`)
    .optional(),
  live: z.literal('0').optional().catch(undefined),
  wait: integer.refine(n => n <= LIMITS.waitSeconds, `Must be from 0 to ${LIMITS.waitSeconds}.`).optional(),
})

/** The cursor of a stream's address, and that of its Last-Event-ID. The stream begins at the later one. */
export const streamQuery = z.object({ after: integer.optional() })
export const lastEventId = integer.optional()

/** `after`: the cursor that the page before named. Without one the list begins with the owner. */
export const membersQuery = z.object({
  limit,
  after: z
    .string({ error: 'Not a place in this list.' })
    .regex(/^\d{1,17}-\d{1,15}$/, 'Not a place in this list.')
    .transform(value => value.split('-'))
    .transform(([joined_at = '', id = '']) => ({ joined_at, id: Number(id) }))
    .optional(),
})

export const bansQuery = z.object({ limit, after: integer.optional() })

/** The part of a chat that its page shows. What is no id counts as none: messengers add fields of the same names to links. */
export const pageQuery = z.object({
  before: integer.optional().catch(undefined),
  from: integer.optional().catch(undefined),
  reply: integer.optional().catch(undefined),
})

/** The id of the first unread message, before which a page shows that the rest is new. */
export const frameQuery = z.object({ unread: integer.optional().catch(undefined) })

/** The version up to which the user who is typing has read. An invalid one counts as none. */
export const newTyping = z.object({
  after: z.preprocess(
    value => (typeof value === 'number' ? String(value) : value),
    integer.optional().catch(undefined),
  ),
})

/** The version up to which the user has read. */
export const newRead = z.object({
  version: z.preprocess(value => (typeof value === 'number' ? String(value) : value), integer),
})

/** `before`: the cursor that the page before named as `older`. */
export const chatsQuery = z.object({
  before: z
    .string({ error: 'Not a place in this list.' })
    .regex(/^\d{1,17}-\d{1,15}$/, 'Not a place in this list.')
    .transform(value => value.split('-'))
    .transform(([posted_at = '', id = '']) => ({ posted_at, id: Number(id) }))
    .optional(),
})

/** `have`: the stamp of the list in the page that asks; `beside`: the id of the chat that is open there. */
export const openListQuery = z.object({
  have: z.string({ error: 'Not a list.' }).max(16, 'Not a list.').optional(),
  beside: integer.optional(),
})

export const chatSearch = z.object({ q: searched, before: integer.optional() })

/** `before`: the same as in chatsQuery. */
export const searchOfAll = z.object({
  q: searched,
  before: z
    .string({ error: 'Not a place in this list.' })
    .regex(/^\d{1,17}-\d{1,15}-\d{1,15}$/, 'Not a place in this list.')
    .transform(value => value.split('-'))
    .transform(([created_at = '', chat_id, version]) => ({
      created_at,
      chat_id: Number(chat_id),
      version: Number(version),
    }))
    .optional(),
})
