import type { Chat, chatsOf } from './db/chats.js'
import type { Event } from './db/events.js'
import type { Member } from './db/members.js'
import type { Posted } from './db/messages.js'
import type { User } from './db/users.js'
import type { Refusal } from './errors.js'

/** A user as others see them: without the e-mail address. */
export function userJson({ id, username }: { id: number; username: string }) {
  return { id, username, email: '', first_name: '', last_name: '' }
}

/** The user's own answer. */
export function ownUserJson(user: User) {
  return { ...userJson(user), email: user.email }
}

export function accountJson({ email, username, id }: User) {
  return { email, username, id }
}

export function chatJson(chat: Chat) {
  return {
    uri: chat.uri,
    title: chat.title,
    owner: userJson({ id: chat.owner_id, username: chat.owner_name }),
    version: chat.version,
    created_at: chat.created_at,
  }
}

export function membersJson(members: readonly Member[]) {
  return members.map(userJson)
}

export function listedChatJson(chat: Awaited<ReturnType<typeof chatsOf>>[number]) {
  return {
    uri: chat.uri,
    title: chat.title,
    version: chat.version,
    members: chat.member_count,
    last_message: chat.last_text === null ? null : { author: chat.last_author, message: chat.last_text },
    last_posted_at: chat.last_posted_at,
    created_at: chat.created_at,
  }
}

export function messageJson(event: Event) {
  return {
    id: event.version,
    version: event.version,
    user: userJson({ id: event.author_id, username: event.author_username }),
    message: event.text,
    created_at: event.created_at,
    edited_at: null,
  }
}

/** Whatever the event is, by the same fields; `event` names its kind. */
export function eventJson(event: Event) {
  return { event: event.kind, ...messageJson(event) }
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

/** A refusal as problem details (RFC 9457). */
export function problemJson({ status, title, message, errors, extra }: Refusal) {
  return { type: 'about:blank', title, status, detail: message, ...(errors ? { errors } : {}), ...extra }
}
