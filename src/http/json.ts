import type { Happening } from '../db/all-chats.js'
import type { bansOf } from '../db/bans.js'
import type { botsOf } from '../db/bots.js'
import type { Chat, chatsWithVersions } from '../db/chats.js'
import { cursorText } from '../db/cursors.js'
import { type Event, isAboutAnother } from '../db/events.js'
import type { Member } from '../db/members.js'
import type { Posted } from '../db/messages.js'
import type { Standing } from '../db/reads.js'
import type { UserKind } from '../db/schema.js'
import type { Hit } from '../db/search.js'
import type { sessionsOf } from '../db/sessions.js'
import type { tokensOf } from '../db/tokens.js'
import type { User } from '../db/users.js'
import type { Refusal } from '../errors.js'
import type { Told } from '../live/told.js'
import { messageHtml } from '../text/markdown.js'
import type { Piece } from '../text/snippet.js'
import { browserName } from './browsers.js'

type ListedBot = Awaited<ReturnType<typeof botsOf>>[number]
type OwnToken = Awaited<ReturnType<typeof tokensOf>>[number]
type OwnSession = Awaited<ReturnType<typeof sessionsOf>>[number]

/** A user as others see them: without the e-mail address. */
export function userJson({ id, username, name, kind }: Shown) {
  return { id, username, name, guest: kind === 'guest', kind, email: '', first_name: '', last_name: '' }
}

/** A user as a chat shows them. */
interface Shown {
  id: number
  username: string
  name: string
  kind: UserKind
}

/** A user as they see themselves: with the e-mail address. */
export function ownUserJson(user: User) {
  return { ...userJson(user), email: user.email }
}

export function accountJson({ email, username, id }: User) {
  return { email, username, id }
}

/** The same, with fields that the original API did not have. */
export function ownAccountJson(user: User) {
  return { ...accountJson(user), name: user.name, kind: user.kind }
}

export function sessionJson({ id, agent, created_at, last_used_at }: OwnSession, current: boolean) {
  return { id, browser: browserName(agent), created_at, last_used_at, current }
}

export function tokenJson({ uri, title, owner_name, ...token }: OwnToken, current: boolean) {
  return { ...token, chat: uri, current }
}

export function chatJson(chat: Chat) {
  return {
    uri: chat.current_uri,
    owner: userJson({
      id: chat.owner_id,
      username: chat.owner_username,
      name: chat.owner_name,
      kind: chat.owner_kind,
    }),
    version: chat.version,
    created_at: chat.created_at,
    ...settingsJson(chat),
    expires_at: chat.expires_at,
  }
}

export function memberJson(member: Member) {
  const { joined_at, here, owner } = member
  return { ...userJson(member), joined_at, here, owner }
}

export function settingsJson({
  title,
  read_only_at,
  joins_closed_at,
  guests_off_at,
  kept_days,
  kept_days_at_most,
}: Chat) {
  return {
    title,
    read_only: read_only_at !== null,
    joins_closed: joins_closed_at !== null,
    guests: guests_off_at === null,
    kept_days,
    kept_days_at_most,
  }
}

export function banJson(ban: Awaited<ReturnType<typeof bansOf>>[number]) {
  return { ...userJson(ban), created_at: ban.created_at }
}

export function botJson({ id, name, created_at, hook_created_at, hook_used_at }: ListedBot) {
  const hook = hook_created_at && { created_at: hook_created_at, last_used_at: hook_used_at }
  return { id, name, kind: 'bot', created_at, hook }
}

export function listedChatJson(chat: Awaited<ReturnType<typeof chatsWithVersions>>[number]) {
  return {
    uri: chat.uri,
    title: chat.title,
    version: chat.version,
    members: chat.member_count,
    member_count: chat.member_count,
    last_message:
      chat.last_text === null
        ? null
        : { author: chat.last_author, author_kind: chat.last_author_kind, message: chat.last_text },
    last_posted_at: chat.last_posted_at,
    created_at: chat.created_at,
    ...standingJson(chat),
  }
}

/** How far the reader of a chat has read it. */
export function standingJson(standing: Omit<Standing, 'first_unread'> | null) {
  const { last_read = 0, unread = 0, mentioned = 0 } = standing ?? {}
  return { last_read, unread, mentioned }
}

/** An answer that ends with a list. The items are JSON already. */
export function listJson(answer: object, name: string, items: readonly string[]): Buffer {
  const empty = JSON.stringify({ ...answer, [name]: [] })
  return Buffer.from(`${empty.slice(0, -']}'.length)}${items.join()}]}`)
}

/** A message as it is now. Of a deleted one only its author and its time are left. */
export function messageJson(event: Event) {
  return {
    id: event.id,
    version: event.version,
    user: authorJson(event),
    message: event.deleted_at === null ? event.text : '',
    html: event.kind === 'message' || isAboutAnother(event) ? messageHtml(event.text ?? '', event.mentions) : '',
    created_at: event.created_at,
    edited_at: event.edited_at,
    deleted_at: event.deleted_at,
    reply_to: event.reply_to === null ? null : replyJson(event, event.reply_to),
    mentions: [...new Set(Object.values(event.mentions ?? {}))],
    reactions: event.reactions ?? {},
  }
}

/**
 * An event of any kind, by the same fields; `event` names its kind. An event that changes a message has the fields of that message, but a
 * `version` of its own.
 */
export function eventJson(event: Event) {
  return { event: event.kind, ...messageJson(event), by: actorJson(event) }
}

/** Who did it. The log has whom a removal or a new owner concerns in place of that. */
function actorJson(event: Event) {
  if (isAboutAnother(event)) {
    return { id: event.actor_id, username: event.actor_username, name: event.actor_name, kind: event.actor_kind }
  }
  return event.kind === 'removed' || event.kind === 'owner'
    ? null
    : { id: event.author_id, username: event.author_username, name: event.author_name, kind: event.author_kind }
}

/** A new message as the server of the tutorial sends it to its WebSockets. */
export function tutorialJson(event: Event) {
  return { user: authorJson(event), message: event.text }
}

/** An event of one of all chats, with its chat and the cursor behind it. */
export function happeningJson(happening: Happening) {
  const event = 'gone' in happening ? { event: 'gone', reason: happening.gone } : eventJson(happening.event)
  return { uri: happening.uri, ...event, cursor: cursorText(happening.cursor) }
}

/** The same for a stream. */
export function happeningTold(happening: Happening): Told {
  const { cursor, event: kind, ...json } = happeningJson(happening)
  return { cursor, kind, json: JSON.stringify({ event: kind, ...json, cursor }) }
}

function authorJson({
  author_id: id,
  author_username: username,
  author_name: name,
  author_kind: kind,
}: Pick<Event, 'author_id' | 'author_username' | 'author_name' | 'author_kind'>) {
  return userJson({ id, username, name, kind })
}

function replyJson({ reply_author_id, reply_author_name, reply_author_kind, reply_text }: Event, id: number) {
  const user = { id: reply_author_id, name: reply_author_name, kind: reply_author_kind }
  return { id, user, message: reply_text ?? '' }
}

export function postedJson(posted: Posted, uri: string, user: User, message: string) {
  return {
    status: 'SUCCESS',
    uri,
    message,
    user: userJson(user),
    id: posted.version,
    version: posted.version,
    created_at: posted.created_at,
  }
}

/** A message that a search has found, with its chat and the words around the first hit. */
export function hitJson(hit: Hit & { snippet: readonly Piece[] }) {
  return {
    uri: hit.uri,
    title: hit.title,
    id: hit.version,
    version: hit.version,
    user: authorJson(hit),
    message: hit.text,
    created_at: hit.created_at,
    edited_at: hit.edited_at,
    snippet: hit.snippet,
  }
}

/** The page that explains all codes. */
export const CODES_PATH = '/api/'

/** A refusal as problem details (RFC 9457). `codes` is the URL of the page that explains its code. */
export function problemJson({ code, status, title, message, errors, field_codes, extra }: Refusal, codes: string) {
  return {
    type: `${codes}#code-${code}`,
    code,
    title,
    status,
    detail: message,
    ...(errors ? { errors, field_codes } : {}),
    ...extra,
  }
}
