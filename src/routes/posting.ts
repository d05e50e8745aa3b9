import { hasPosted, type Posted } from '../db/messages.js'
import { QueueFull } from '../db/post-queue.js'
import type { User } from '../db/users.js'
import { invalid, notFound, Refusal, unavailable } from '../errors.js'
import { requireUser } from '../http/authentication.js'
import type { Answer, Fields, Parts, RouteContext, Said, ShortChange } from '../http/context.js'
import { check, read, takeKey } from '../http/input.js'
import { postedJson } from '../http/json.js'
import type { Allowance } from '../http/rate-limits.js'
import { composerCursor, newMessage } from '../http/schemas.js'
import { mentionedNames } from '../text/markdown.js'
import { newsFor } from './news.js'
import { chatPath, readUri, tellAllowance } from './scope.js'

/**
 * Posts the message of a request by a form or a program, with its key from the header Idempotency-Key too. A request posts once: where its short
 * way has done it, the long way goes on with what came of that. Throws what `postMessage` throws.
 */
export function postRequested(parts: Parts, ctx: RouteContext): Promise<Said> {
  const { state } = ctx
  if (!state.posting) {
    const user = requireUser(ctx)
    const uri = readUri(ctx)
    takeKey(ctx)
    state.posting = postMessage(parts, uri, user, state.fields ?? {}, allowance => tellAllowance(ctx, allowance))
  }
  return state.posting
}

/** What a program gets for its message. */
export function answerPosted(ctx: RouteContext, { message, posted }: Said): Answer {
  const json = postedJson(posted, readUri(ctx), requireUser(ctx), message)
  return { status: statusOf(posted), headers: IN_JSON, body: JSON.stringify(json) }
}

const IN_JSON = { 'Content-Type': 'application/json; charset=utf-8' }

/** What htmx puts into the page for it: what its reader has not seen, the message among that. */
export async function answerSeen(parts: Parts, ctx: RouteContext, { posted }: Said): Promise<Answer> {
  const { after } = read(ctx, composerCursor)
  const answer = await newsFor(parts, ctx, after, posted.version, chatPath(readUri(ctx)))
  return { ...answer, status: answer.status === 200 ? statusOf(posted) : answer.status }
}

const statusOf = ({ outcome }: Posted) => (outcome === 'posted' ? 201 : 200)

/** How both are done by short ways. */
export function shortPosts(parts: Parts): readonly ShortChange[] {
  return [
    { form: 'json', change: async ctx => answerPosted(ctx, await postRequested(parts, ctx)) },
    { form: 'fragment', change: async ctx => answerSeen(parts, ctx, await postRequested(parts, ctx)) },
  ]
}

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
): Promise<Said> {
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
