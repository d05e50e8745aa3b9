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

/** Whoever comes by a name alone. */
export const newGuest = z.object({ name: displayName })

export const newUser = z
  .object({ username, password, email, next })
  .superRefine(({ username, password, email }, issues) => {
    for (const fault of passwordFaults(password, { username, email })) {
      issues.addIssue({ code: 'custom', path: ['password'], message: fault })
    }
  })

/** A message that could not be sent as the session had ended, on its way round by the login, whose it is, and what it answers. */
export const draft = z.object({
  draft: z.preprocess(
    asText,
    text(LIMITS.messageBytes, 'This message is too long to be taken along. Shorten it, and sign in again.'),
  ),
  draft_of: z.preprocess(asText, text(LIMITS.sealBytes, noMoreThan(LIMITS.sealBytes))),
  reply_to: integer.optional().catch(undefined),
})

export const credentials = z.object({ username: knownUsername, password, next, ...draft.shape })

/** Of a page's address. */
export const nextOnly = z.object({ next: next.catch('') })

/** A new password for someone whose name is known. */
export const newPassword = (about: { username: string; email: string }) =>
  z.object({
    password: password.superRefine((value, issues) => {
      for (const fault of passwordFaults(value, about)) {
        issues.addIssue(fault)
      }
    }),
  })

/** The same from one who is signed in, and says the one they have. */
export const changedPassword = (about: { username: string; email: string }) =>
  newPassword(about).extend({ current_password: password })

/** What is left out stays. */
export const changedUser = ({ username }: { username: string }) =>
  z.object({ name: nameToShow(username).optional(), email: email.optional() })

export const ownPassword = z.object({ password })

/** A box that was ticked. */
export const certainty = z.object({
  sure: z.literal(['on', 'true', true], 'Tick the box if you want to be deleted.'),
})

export const newToken = z.object({
  name: tokenName.refine(value => value !== '', 'This field may not be blank.'),
})

/** A token for a name and a password, as programs take one. */
export const tokenCredentials = credentials.extend({ name: z.preprocess(value => value ?? '', tokenName) })

/** What was done, of which a page says so. */
export const doneQuery = z.object({
  done: z.enum(['name', 'email', 'password', 'session', 'token', 'tokens', 'kept']).optional().catch(undefined),
})

export const newChat = z.object({ title: title.transform(value => value || null) })

/** What is left out of a chat's settings stays as it is; null and an empty text take the title away. */
export const changedSettings = z.object({
  title: z.preprocess(value => (value === null ? '' : value), titleText.optional()),
  read_only: choice.optional(),
  joins_closed: choice.optional(),
  guests: choice.optional(),
})

/** The same from the page's form: a box that is not ticked is not sent. */
export const settingsForm = z.object({
  title,
  read_only: choice.default(false),
  joins_closed: choice.default(false),
  guests: choice.default(false),
})

const NO_LIFE = 'Must be 3600, 86400, 604800, or empty for a link that does not expire.'

/** For how long a link lets people in, in seconds, by the words for it. */
export const LINK_LIVES = { '': 'until it is replaced', 3600: 'for 1 hour', 86400: 'for 1 day', 604800: 'for 7 days' }

export const newLink = z.object({
  expires_in: z
    .preprocess(value => (typeof value === 'number' ? String(value) : (value ?? '')), z.string({ error: NO_LIFE }))
    .refine(value => Object.hasOwn(LINK_LIVES, value), NO_LIFE)
    .transform(value => (value === '' ? null : Number(value))),
})

/** Somebody's id, in a body. */
export const chosenUser = z.object({
  user_id: z.preprocess(
    value => (typeof value === 'number' ? String(value) : value),
    filled(15, NO_INTEGER).pipe(integer),
  ),
})

export const removal = z.object({ ban: choice.optional() })

/** A chat's name, typed to show that it is meant. */
export const typedName = z.object({
  name: filled(LIMITS.lineBytes, 'This is not the name of the chat. Please type it exactly as it is shown.'),
})

/** Joining may name its user, as the original's clients do. */
export const newMember = z.object({
  username: optionalText(LIMITS.nameBytes, noMoreThan(LIMITS.nameCodePoints))
    .transform(normalised)
    .refine(...fits(LIMITS.nameCodePoints)),
})

export const editedMessage = z.object({ message })

/** One of the fixed set. */
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
    /** A message's id; forms send an empty one where nothing is answered. */
    reply_to: z.preprocess(
      value => (typeof value === 'number' ? String(value) : value || undefined),
      integer.optional(),
    ),
  })
  .transform(({ reply_to = null, ...fields }) => ({ ...fields, reply_to }))

/** The cursor that a composer sends along, so that the answer brings everything since; one that does not fit counts as none. */
export const composerCursor = z.object({ after: integer.optional().catch(undefined) })

export const eventsQuery = z.object({
  after: integer.optional(),
  before: integer.optional(),
  limit: integer
    .refine(n => n >= 1 && n <= LIMITS.messagesPerListAtMost, `Must be from 1 to ${LIMITS.messagesPerListAtMost}.`)
    .optional(),
  live: z.literal('0').optional().catch(undefined),
})

/** Where a stream begins: the cursor of its address, or the last that its reader has got, whichever is further. */
export const streamQuery = z.object({ after: integer.optional() })
export const lastEventId = integer.optional()

/** Where a page of a chat's members begins: behind the owner, or what the page before it named. */
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

/** Which part of a chat its page shows. */
export const pageQuery = z.object({
  before: integer.optional(),
  from: integer.optional(),
  reply: integer.optional().catch(undefined),
})

/** The message before which the page around a frame says that what follows is new. */
export const frameQuery = z.object({ unread: integer.optional().catch(undefined) })

/** Up to where somebody has read who is typing now; one that does not fit counts as none. */
export const newTyping = z.object({
  after: z.preprocess(
    value => (typeof value === 'number' ? String(value) : value),
    integer.optional().catch(undefined),
  ),
})

/** How far somebody has read. */
export const newRead = z.object({
  version: z.preprocess(value => (typeof value === 'number' ? String(value) : value), integer),
})

/** Where a page of one's chats begins: what the page before it named as `older`. */
export const chatsQuery = z.object({
  before: z
    .string({ error: 'Not a place in this list.' })
    .regex(/^\d{1,17}-\d{1,15}$/, 'Not a place in this list.')
    .transform(value => value.split('-'))
    .transform(([posted_at = '', id = '']) => ({ posted_at, id: Number(id) }))
    .optional(),
})

export const chatSearch = z.object({ q: searched, before: integer.optional() })

/** `before` is what the page before it named as `older`. */
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
