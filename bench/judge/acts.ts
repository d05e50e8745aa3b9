import type { Chat } from './chats.js'
import type { Answer, Asked } from './exchange.js'
import { jsonFault, shorten } from './exchange.js'
import type { Post } from './posts.js'

/** Something that a member does. Sent again, it changes nothing more. */
export interface Act extends Asked {
  /** Milliseconds of `performance.now()`: when it should be sent. */
  scheduledAt: number
  /** The statuses of its acknowledgement. */
  statuses: readonly number[]
  /** What is wrong with an acknowledgement, whose JSON is well-formed; undefined if nothing is. `again`: sent before, with an unknown outcome. */
  fault(json: Json, answer: Answer, again: boolean): string | undefined
  /** Called when it is sent for the first time. */
  sent?(): void
  /** Called each time that it was not answered, or with 503: it may still be on its way. */
  unsettled?(): void
  acknowledged(json: Json): void
}

// biome-ignore lint/suspicious/noExplicitAny: whatever came
type Json = any

const JSON_BODY = { 'content-type': 'application/json' }

export function posting(chat: Chat, post: Post, scheduledAt: number): Act {
  return {
    method: 'POST',
    path: `/api/chats/${chat.uri}/messages/`,
    headers: { ...JSON_BODY, 'idempotency-key': post.key },
    body: JSON.stringify({ message: post.text }),
    scheduledAt,
    statuses: [201, 200],
    fault(json, { status }, again) {
      const { id, version, uri, message, user } = json
      const isWhole = Number.isInteger(id) && id === version && uri === chat.uri && message === post.text
      if (!isWhole || user?.id !== post.author) {
        return `is not about the message: ${shorten(JSON.stringify(json))}`
      }
      return status === 200 && !again ? 'says that the message was there before' : undefined
    },
    sent: () => {
      post.sentAt = performance.now()
    },
    acknowledged(json) {
      post.ackedAt = performance.now()
      post.version = json.version
    },
  }
}

/** Posts where the author is no member any more. */
export function forbidden(chat: Chat, post: Post, scheduledAt: number): Act {
  return {
    ...posting(chat, post, scheduledAt),
    statuses: [404],
    fault: json => (json.status === 404 ? undefined : `is not about a refusal: ${shorten(JSON.stringify(json))}`),
    unsettled: () => {
      post.mayComeLate = true
    },
    acknowledged() {},
  }
}

export function editing(chat: Chat, post: Post, text: string): Act {
  return {
    ...ofMessage('PATCH', chat, post),
    headers: JSON_BODY,
    body: JSON.stringify({ message: text }),
    fault: json => (json.message === text ? isOf(post, json) : `has another text: ${shorten(JSON.stringify(json))}`),
    sent: () => {
      post.newText = text
    },
    acknowledged: () => {
      post.edited = true
    },
  }
}

export function deleting(chat: Chat, post: Post): Act {
  return {
    ...ofMessage('DELETE', chat, post),
    fault: json =>
      json.message === '' && json.deleted_at ? isOf(post, json) : `still has a text: ${shorten(JSON.stringify(json))}`,
    acknowledged: () => {
      post.deleted = true
    },
  }
}

export const EMOJI = '👍'

export function reacting(chat: Chat, post: Post): Act {
  const act = ofMessage('PUT', chat, post)
  return {
    ...act,
    path: `${act.path}reactions/${encodeURIComponent(EMOJI)}/`,
    fault: json =>
      json.reactions?.[EMOJI] === 1 ? isOf(post, json) : `has no reaction: ${shorten(JSON.stringify(json))}`,
    acknowledged: () => {
      post.reacted = true
    },
  }
}

/** `again` may find that the member has left already. */
export function leaving(chat: Chat): Act {
  return {
    method: 'DELETE',
    path: `/api/chats/${chat.uri}/members/me/`,
    headers: {},
    scheduledAt: performance.now(),
    statuses: [204, 404],
    fault: (_json, { status }, again) => (status === 404 && !again ? 'says that there is no such member' : undefined),
    acknowledged: () => {
      chat.leavings++
    },
  }
}

export function joining(chat: Chat): Act {
  return {
    method: 'PATCH',
    path: `/api/chats/${chat.uri}/`,
    headers: JSON_BODY,
    body: '{}',
    scheduledAt: performance.now(),
    statuses: [200],
    fault: json => (json.status === 'SUCCESS' ? undefined : `is not about joining: ${shorten(JSON.stringify(json))}`),
    acknowledged() {},
  }
}

function ofMessage(method: string, chat: Chat, post: Post) {
  const path = `/api/chats/${chat.uri}/messages/${post.version}/`
  return { method, path, headers: {}, scheduledAt: performance.now(), statuses: [200] }
}

function isOf(post: Post, json: Json): string | undefined {
  return json.id === post.version && json.user?.id === post.author
    ? undefined
    : `is of another message: ${shorten(JSON.stringify(json))}`
}

/** What is wrong with an answer that acknowledges the act by its status; undefined if nothing is. */
export function faultOf(act: Act, answer: Answer, again: boolean): string | undefined {
  if (answer.status === 204) {
    return answer.body === '' ? act.fault(undefined, answer, again) : 'has a body with 204'
  }
  if (answer.status >= 400) {
    const isProblem = answer.headers['content-type']?.startsWith('application/problem+json')
    return isProblem
      ? act.fault(JSON.parse(answer.body), answer, again)
      : `is of the type ${answer.headers['content-type']}`
  }
  return jsonFault(answer) ?? act.fault(JSON.parse(answer.body), answer, again)
}
