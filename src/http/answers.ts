import { z } from 'zod'
import { CODES, type Code, FIELD_CODES } from '../codes.js'
import { LIMITS } from '../config.js'
import { EVENT_KINDS, SCOPES, USER_KINDS } from '../db/schema.js'

/**
 * What programs are answered: json.ts makes it, and the document of the API says it. Tests hold each answer against these; the program itself
 * does not parse what it has made.
 */
export const id = z.int().min(1).meta({ example: 7 })
export const version = z.int().min(0).meta({ example: 42 })
export const time = z.iso.datetime().meta({ example: '2026-11-28T16:04:12.345Z' })
const uri = z.string().meta({ example: 'mYkF3QzP7vXw0aBcD1eF2g' })
export const url = z.string().meta({ format: 'uri' })
const more = z.boolean().meta({ description: 'Whether the list was cut. `Link` leads to the rest then.' })
const kind = z.enum(USER_KINDS).meta({
  description: 'Programs post as a `bot`; who is `imported` wrote what came from a file. Nobody signs in as these.',
})
const days = z.int().min(1).max(LIMITS.keptDays).nullable()

/** A field of the tutorial or of before, where the field `clearer` stands beside it. It stays. */
const deprecated = <Schema extends z.ZodType>(schema: Schema, clearer: string, why: string) =>
  schema.meta({ deprecated: true, description: `Deprecated, see \`${clearer}\`: ${why}` })

export const done = { status: z.literal('SUCCESS') }

export const user = z
  .object({
    id,
    username: z.string(),
    name: z.string().meta({ description: 'What the chat shows.' }),
    guest: deprecated(z.boolean(), 'kind', 'there are more kinds than two.'),
    kind,
    email: z.string().meta({ description: 'Empty, except of yourself in the answer to joining.' }),
    first_name: deprecated(z.string(), 'name', 'it is always empty.'),
    last_name: deprecated(z.string(), 'name', 'it is always empty.'),
  })
  .meta({ id: 'User' })

const member = z
  .object({
    ...user.shape,
    joined_at: time,
    owner: z.boolean(),
    here: z.boolean().meta({ description: 'Active within about the last minute.' }),
  })
  .meta({ id: 'Member' })

export const newAccount = z.object({ email: z.string(), username: z.string(), id }).meta({ id: 'NewAccount' })

export const account = z.object({ ...newAccount.shape, name: z.string(), kind }).meta({ id: 'Account' })

/** For a session, which goes on under a new id, with its form token. */
export const accountAgain = z.object({ ...account.shape, csrf: z.string().optional() })

export const madeToken = z.object({ auth_token: z.string().meta({ description: 'Shown this once.' }) })
const onlyChat = uri.nullable().meta({ description: 'The only chat that the token is for.' })
const rights = { scopes: z.array(z.enum(SCOPES)), chat: onlyChat, expires_at: time.nullable() }
export const namedToken = z.object({ id, ...madeToken.shape, name: z.string(), ...rights })

export const madeTicket = z.object({
  ticket: z.string().meta({ description: 'For `?ticket=` of one stream.' }),
  origin: z.string().meta({ description: 'Of the pages that may use it.' }),
  expires_at: time,
})

const ofUse = { id, created_at: time, last_used_at: time, current: z.boolean() }
export const tokens = z.object({
  tokens: z.array(z.object({ ...ofUse, name: z.string(), ...rights }).meta({ id: 'Token' })),
})
export const ownSessions = z.object({
  sessions: z.array(z.object({ ...ofUse, browser: z.string() }).meta({ id: 'Session' })),
})

export const settingsOf = z
  .object({
    title: z.string().nullable(),
    read_only: z.boolean(),
    joins_closed: z.boolean(),
    guests: z.boolean(),
    kept_days: days.meta({ description: 'For how many days messages are kept. Null: for good.' }),
    kept_days_at_most: days.meta({ description: 'What the operator says: the owner can say less.' }),
  })
  .meta({ id: 'Settings' })

export const chat = z
  .object({ uri, owner: user, version, created_at: time, ...settingsOf.shape, expires_at: time.nullable() })
  .meta({ id: 'Chat' })

const standing = {
  last_read: version,
  unread: z.int().min(0).max(100).meta({ description: '100 means 100 or more.' }),
  mentioned: z.int().min(0).max(100),
}

export const chatWithMembers = z.object({ ...chat.shape, ...standing, more, members: z.array(member) })
export const startedChat = z.object({ ...done, message: z.string(), ...chat.shape })

const listedChat = z
  .object({
    uri,
    title: z.string().nullable(),
    version,
    members: deprecated(z.int().min(0), 'member_count', 'everywhere else it is a list.'),
    member_count: z.int().min(0),
    last_message: z.object({ author: z.string(), author_kind: kind, message: z.string() }).nullable(),
    last_posted_at: time,
    created_at: time,
    ...standing,
  })
  .meta({ id: 'ListedChat' })

export const chats = z.object({ chats: z.array(listedChat) })
export const memberList = z.object({ more, members: z.array(member) })
export const joined = z.object({ ...done, message: z.string(), user, members: z.array(user) })
export const invitation = z.object({ uri, url, expires_at: time.nullable() })
export const guestInChat = z.object({ ...done, uri, user, csrf: z.string().optional() })
export const lastRead = z.object({ last_read: version })
export const newOwner = z.object({ owner: z.object({ id }), version })
export const banList = z.object({
  more,
  bans: z.array(z.object({ ...user.shape, created_at: time }).meta({ id: 'Ban' })),
})

const reply = z.object({
  id,
  user: z.object({ id, name: z.string().nullable(), kind: kind.nullable() }).meta({ id: 'Author' }),
  message: z.string(),
})

export const messageOf = z
  .object({
    id,
    version,
    user,
    message: z.string().nullable(),
    html: z.string().meta({ description: 'What the pages show of it.' }),
    created_at: time,
    edited_at: time.nullable(),
    deleted_at: time.nullable(),
    reply_to: reply.nullable(),
    mentions: z.array(id).meta({ description: 'Ids of users.' }),
    reactions: z.record(z.string(), z.int().min(1)).meta({ description: 'Numbers by emoji.' }),
  })
  .meta({ id: 'Message' })

export const actor = z
  .object({ id, username: z.string(), name: z.string(), kind })
  .nullable()
  .meta({ description: 'Who did it. Null for `removed` and `owner`, whose `user` is whom it concerns.' })

/** The kinds of db/events.ts, one by one: programs rely on them. */
const event = z
  .object({
    event: z.enum(EVENT_KINDS),
    ...messageOf.shape,
    by: actor,
  })
  .meta({ id: 'Event', description: 'With `after`, each has its `event`; without, all are messages and have none.' })

export const messageList = z
  .object({
    id: deprecated(id, 'uri', 'no request takes the number of a chat.'),
    uri,
    version: version.meta({ description: 'The cursor to go on from, by `after`.' }),
    more,
    messages: z.array(z.union([event, messageOf])),
  })
  .meta({ id: 'MessageList' })

export const postedMessage = z
  .object({ ...done, uri, message: z.string(), user, id, version, created_at: time })
  .meta({ id: 'Posted' })

const hit = z
  .object({
    uri,
    title: z.string().nullable(),
    id,
    version,
    user,
    message: z.string(),
    created_at: time,
    edited_at: time.nullable(),
    snippet: z.array(z.object({ text: z.string(), hit: z.boolean() })),
  })
  .meta({ id: 'Hit' })

export const hits = z.object({ messages: z.array(hit), more })

const cursor = z.string().meta({ description: 'Of all chats. It means something to this server alone.' })

/** An event of one of all chats, or why a chat is no longer the reader's. */
const happening = z.union([
  z.object({ uri, ...event.shape, cursor }),
  z.object({ uri, event: z.literal('gone'), reason: z.enum(['left', 'removed', 'deleted']), cursor }),
])

export const happeningList = z.object({
  items: z.array(happening),
  cursor: cursor.meta({ description: 'To be kept: it leads on.' }),
  next: url.nullable().meta({ description: 'Leads on where the list was cut.' }),
})

/** The codes of a problem: the document names for each request and status those that it can have. */
export const problem = z
  .object({
    type: url.meta({ description: 'Leads to the paragraph about the code.' }),
    code: z.enum(Object.keys(CODES) as [Code, ...Code[]]),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.record(z.string(), z.array(z.string())).optional(),
    field_codes: z.record(z.string(), z.array(z.enum([...Object.keys(CODES), ...Object.keys(FIELD_CODES)]))).optional(),
    version: version.optional().meta({ description: 'Of `cursor_ahead`: the version to go on from.' }),
    line: z.int().optional().meta({ description: 'Of a file that cannot be imported: the first line that is wrong.' }),
    cursor: cursor.optional().meta({ description: 'Of `cursor_gone`: the cursor to go on from.' }),
  })
  .meta({ id: 'Problem' })

/** What a stream sends, each as the data of one server-sent event or as one message by WebSocket. */
export const streamEvent = z
  .union([
    event,
    z.object({ event: z.literal('ready'), version: version.meta({ description: 'After which the stream begins.' }) }),
    z.object({ event: z.literal('typing'), user: z.object({ id, name: z.string() }) }),
    z.object({ event: z.literal('restart') }),
    z.object({ event: z.literal('gone'), reason: z.enum(['left', 'removed', 'signed_out', 'deleted']) }),
  ])
  .meta({ id: 'StreamEvent' })

/** The same of a stream of all chats. A `gone` without `uri` ends it. */
export const allStreamEvent = z
  .union([
    happening,
    z.object({ event: z.literal('ready'), cursor: cursor.meta({ description: 'After which the stream begins.' }) }),
    z.object({ event: z.literal('restart') }),
    z.object({ event: z.literal('gone'), reason: z.literal('signed_out') }),
  ])
  .meta({ id: 'AllStreamEvent' })

export const transcript = z.string().meta({ description: 'As a person would write it down, for a terminal.' })

export const importedChat = z.object({
  ...done,
  uri,
  messages: z.int().min(1).nullable().meta({ description: 'Null where the chat was there already, by the same key.' }),
})

export const streamed = z.string().meta({ description: 'Server-sent events. The data of each is a StreamEvent.' })
export const allStreamed = z
  .string()
  .meta({ description: 'Server-sent events. The data of each is an AllStreamEvent.' })
