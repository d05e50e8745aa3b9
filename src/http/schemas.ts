import { z } from 'zod'
import { LIMITS } from '../config.js'
import { REACTIONS } from '../text/reactions.js'
import { isOrigin } from '../urls.js'
import {
  choice,
  filled,
  integer,
  limit,
  message,
  noMoreThan,
  normalised,
  orEmpty,
  rule,
  searched,
  text,
  title,
  titleText,
  upTo,
} from './fields.js'

/** By which a form that browsers may send twice is known again: random, made with the page. Programs need none. */
export const submissionKey = z.object({
  key: orEmpty(text(LIMITS.keyBytes, noMoreThan(LIMITS.keyBytes)).meta({ maxLength: LIMITS.keyBytes })),
})

/** What a browser says about a page that broke its policy. */
export const report = z.object({ 'csp-report': z.unknown().optional() })

export const newChat = z.object({ title: title.transform(value => value || null), ...submissionKey.shape })

const NO_DAYS = `Must be a number of days from 1 to ${LIMITS.keptDays}, or empty for all that the operator allows.`

/** What the settings page offers, in days. */
export const KEPT_DAYS = [1, 7, 30, 90, 365]

/** For how many days messages are kept. Null and an empty text remove the owner's number. */
export const keptDays = z
  .preprocess(
    value => (value === '' ? null : typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value),
    z.int({ error: NO_DAYS }).min(1, NO_DAYS).max(LIMITS.keptDays, NO_DAYS).nullable(),
  )
  .optional()

/** Settings of a chat. One that is left out stays as it is; null and an empty text remove the title. */
export const changedSettings = z.object({
  title: titleText.nullish().transform(value => (value === null ? '' : value)),
  read_only: choice.optional(),
  joins_closed: choice.optional(),
  guests: choice.optional(),
  kept_days: keptDays,
})

/** The same from the page's form, where a box that is not ticked is not sent. */
export const settingsForm = z.object({
  title,
  read_only: choice.default(false),
  joins_closed: choice.default(false),
  guests: choice.default(false),
  kept_days: keptDays,
})

const NO_LIFE = 'Must be 3600, 86400, 604800, or empty for a link that does not expire.'

/** The lives of links, in seconds, and the words for them. Empty: no limit. */
export const LINK_LIVES = { '': 'until it is replaced', 3600: 'for 1 hour', 86400: 'for 1 day', 604800: 'for 7 days' }

export const newLink = z.object({
  expires_in: z
    .preprocess(
      value => (value === '' ? null : typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value),
      z.literal([null, ...Object.keys(LINK_LIVES).filter(Boolean).map(Number)], { error: NO_LIFE }),
    )
    .optional()
    .transform(value => value ?? null),
})

/** The id of a user, in a body. */
export const chosenUser = z.object({
  user_id: integer,
})

/** What the page's link beside a reaction says: it is taken back. */
export const reactionQuery = z.object({ off: z.unknown().optional() })

export const removal = z.object({ ban: choice.optional() })

/** The name of the chat, typed to confirm its deletion. */
export const typedName = z.object({
  name: filled(LIMITS.lineBytes, 'This is not the name of the chat. Please type it exactly as it is shown.'),
})

/** A request to join may name its user, as clients of the original app do. */
export const newMember = z.object({
  username: orEmpty(
    upTo(LIMITS.nameCodePoints, text(LIMITS.nameBytes, noMoreThan(LIMITS.nameCodePoints)).transform(normalised)),
  ),
})

/** To a chat: joining it, or changing its settings. */
export const joinOrChange = newMember.extend(changedSettings.shape)

export const editedMessage = z.object({ message })

const NO_REACTION = 'Choose one of the reactions that are offered.'

export const newReaction = z.object({
  emoji: filled(LIMITS.emojiBytes, NO_REACTION)
    .refine(value => Object.hasOwn(REACTIONS, value), rule('not_offered', NO_REACTION))
    .meta({ enum: Object.keys(REACTIONS) }),
})

export const newMessage = z
  .object({
    message,
    key: orEmpty(upTo(LIMITS.keyLength, text(LIMITS.lineBytes, noMoreThan(LIMITS.keyLength)))).transform(
      value => value || null,
    ),
    /** The id of the message that this answers. Forms send an empty one if it answers none. */
    reply_to: z.preprocess(value => (value === '' ? null : value), integer.nullish()).optional(),
  })
  .transform(({ reply_to, ...fields }) => ({ ...fields, reply_to: reply_to ?? null }))

/** What an incoming hook posts. */
export const hookMessage = z.object({ message, key: newMessage.in.shape.key })

/** The cursor of the composer: the answer contains all events after it. An invalid one counts as none. */
export const composerCursor = z.object({ after: integer.optional().catch(undefined) })

/** By the socket of all chats. The other fields are those of newMessage. */
export const addressedMessage = z.looseObject({
  uri: z
    .string(rule('required', 'This field is required.'))
    .regex(/^[A-Za-z0-9_-]{22,64}$/, rule('invalid', 'Not the URI of a chat.')),
})

export const eventsQuery = z
  .object({
    after: integer.optional(),
    before: integer.optional(),
    limit,
    wait: integer
      .refine(n => n <= LIMITS.waitSeconds, rule('out_of_range', `Must be from 0 to ${LIMITS.waitSeconds}.`))
      .optional(),
  })
  .refine(({ after, wait }) => after !== undefined || wait === undefined, {
    ...rule('invalid', 'Only goes together with `after`.'),
    path: ['wait'],
  })

/** The part of a chat that is exported: the versions after `after`, up to `until`. */
export const exportQuery = z.object({ after: integer.optional(), until: integer.optional() })

/** What is sent with a file. `title`: that of the new chat, or empty for that of the file. */
export const importForm = z.object({ title, ...submissionKey.shape })
export const importQuery = z.object({ title })

/** What the tail of a page asks by. */
export const tailQuery = z.object({ after: integer, live: z.literal('0').optional().catch(undefined) })

const NO_ORIGIN = 'Must be an origin, such as https://app.example.org.'

/** `origin`: of the pages that the ticket is for. Browsers say it in a header. */
export const newTicket = z.object({
  origin: text(LIMITS.originBytes, NO_ORIGIN)
    .refine(isOrigin, NO_ORIGIN)
    .meta({ maxLength: LIMITS.originBytes })
    .optional(),
})

/** By which a page of another origin opens a stream. */
export const ticketQuery = z.object({
  ticket: z
    .string(rule('invalid', 'Not a ticket.'))
    .regex(/^[\w-]{43}$/, rule('invalid', 'Not a ticket.'))
    .optional(),
})

/** What is no cursor gets a new one with its refusal, like one that is too old. */
const cursor = z.string(rule('invalid', 'Not a cursor.')).optional()

export const allEventsQuery = z.object({
  after: cursor,
  limit,
  wait: integer
    .refine(n => n <= LIMITS.waitSeconds, rule('out_of_range', `Must be from 0 to ${LIMITS.waitSeconds}.`))
    .optional(),
})
export const allStreamQuery = z.object({ after: cursor, ...ticketQuery.shape })

/** The cursor of a stream's address, and that of its Last-Event-ID. The stream begins at the later one. */
export const streamQuery = z.object({ after: integer.optional(), ...ticketQuery.shape })
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
  after: integer.optional().catch(undefined),
})

/** The version up to which the user has read. */
export const newRead = z.object({
  version: integer,
})

/** `before`: the cursor that the page before named as `older`. */
export const chatsQuery = z.object({
  limit,
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

export const chatSearch = z.object({ q: searched, limit, before: integer.optional() })

/** `before`: the same as in chatsQuery. */
export const searchOfAll = z.object({
  q: searched,
  limit,
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
