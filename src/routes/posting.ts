import { hasPosted } from '../db/messages.js'
import { QueueFull } from '../db/post-queue.js'
import type { User } from '../db/users.js'
import { invalid, notFound, Refusal, unavailable } from '../errors.js'
import type { Fields, Parts } from '../http/context.js'
import { check } from '../http/input.js'
import type { Allowance } from '../http/rate-limits.js'
import { newMessage } from '../http/schemas.js'
import { mentionedNames } from '../text/markdown.js'

/**
 * Posts a message that came by a form, from a program or by a WebSocket. Throws 403, 404, 422 or 429 for a message that was not stored,
 * and 503 for one that may have been. `onCounted` is told what is left of the rate limit.
 */
export async function postMessage(
  parts: Parts,
  uri: string,
  user: User,
  fields: Fields,
  onCounted: (allowance: Allowance | undefined) => void,
) {
  const rate = user.kind === 'guest' ? 'guestPosts' : 'posts'
  let counted = true
  try {
    onCounted(parts.limitRate(rate, user.id))
  } catch (refusal) {
    counted = false
    if (!(await wasPosted(parts, uri, user, fields.key))) {
      throw refusal
    }
  }
  const { message, key, reply_to } = check(fields, newMessage)
  const names = mentionedNames(message)
  const post = { uri, author_id: user.id, text: message, key, reply_to, names }
  const done = await parts.posts.post(post).catch(error => {
    throw error instanceof QueueFull
      ? unavailable('too_many_posts', 'Too many messages at this moment. Please send again.')
      : error
  })
  if (done.outcome === 'posted' || done.outcome === 'again') {
    parts.live.presence.saw(done.chat_id, user.id)
  }
  switch (done.outcome) {
    case 'posted':
      if (reply_to === null && names.length === 0) {
        const { version, created_at } = done
        parts.live.posted(done.chat_id, user, { version, key, text: message, created_at })
      } else {
        parts.live.reached(done.chat_id, done.version)
      }
      return { message, posted: done }
    case 'again':
      if (counted) {
        parts.returnRate(rate, user.id)
      }
      return { message, posted: done }
    case 'stranger':
      throw notFound()
    case 'read only':
      throw readOnly()
    case 'unanswerable':
      throw invalid('no_such_message', 'reply_to', 'The message that you answer is not there any more.')
    case 'conflict':
      throw invalid(
        'key_conflict',
        'key',
        'Another message was sent with this key: your first version arrived. Send again to send this one as well.',
      )
    case 'refused':
      throw notStorable()
  }
}

/** Whether a message with that key is stored, so that it costs nothing to say so again. Throws 429 where this is asked too often. */
async function wasPosted({ db, limitRate }: Parts, uri: string, user: User, sent: unknown): Promise<boolean> {
  const key = newMessage.in.shape.key.safeParse(sent).data
  if (!key) {
    return false
  }
  limitRate('repeats', user.id)
  return hasPosted(db, { uri, author_id: user.id, key })
}

export function notStorable(): Refusal {
  return invalid('not_storable', 'message', 'This message cannot be stored.')
}

export function readOnly(): Refusal {
  return new Refusal('read_only', 'This chat is read-only: nothing can be said or changed in it.')
}
