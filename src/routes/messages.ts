import Router from '@koa/router'
import type { z } from 'zod'
import { LIMITS } from '../config.js'
import type { Context, Parts, State } from '../context.js'
import { chatView, eventsAfter, newestMessages } from '../db/events.js'
import type { Post, Posted } from '../db/messages.js'
import { QueueFull } from '../db/post-queue.js'
import { asRefusal, invalid, notFound, Refusal, unavailable } from '../errors.js'
import { composerCursor, eventsQuery, newMessage, read, readQuery } from '../input.js'
import { eventJson, messageJson, postedJson } from '../json.js'
import { logCause } from '../log.js'
import { leadTo, respond, seeOther, showFragment } from '../respond.js'
import { requireUser } from '../session.js'
import { showChat } from './chats.js'
import { chatPath, EXACT, type MemberChat, readUri, requireMember } from './scope.js'

/** Posting, and reading on from where one is. */
export function messages(parts: Parts) {
  const { db } = parts
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/messages' })

  router.post('/', async ctx => {
    const user = requireUser(ctx)
    const uri = readUri(ctx)
    const key = ctx.get('idempotency-key')
    ctx.state.fields = { ...ctx.state.fields, ...(key ? { key } : {}) }
    await keepTyped(parts, ctx, async () => {
      const { message, key } = read(ctx, newMessage)
      parts.takeTurn('posts', user.id, 'You are sending very fast. Please wait a moment and send again.')
      const done = await postMessage(parts, { uri, author_id: user.id, text: message, key })
      await respond(ctx, {
        page: () => seeOther(ctx, chatPath(uri)),
        fragment: () => answerComposer(parts, ctx, done),
        json: () => {
          ctx.status = done.outcome === 'posted' ? 201 : 200
          return postedJson(done, uri, user, message)
        },
      })
    })
  })

  router.get('/', async ctx => {
    const chat = await requireMember(parts, ctx)
    const query = readQuery(ctx, eventsQuery)
    if (query.after !== undefined && query.after > chat.version) {
      parts.takeTurn('cursorsAhead', chat.user.id, 'Please wait a moment and try again.')
      throw new Refusal(410, 'This chat has not come that far. Please go on from its current version.', {
        headers: ctx.state.form === 'fragment' ? { 'HX-Refresh': 'true' } : {},
        extra: { version: chat.version },
      })
    }
    await respond(ctx, {
      page: () => seeOther(ctx, chatPath(chat.uri) + (query.before === undefined ? '' : `?before=${query.before}`)),
      fragment: () =>
        query.before === undefined ? showNews(parts, ctx, chat, query) : showOlder(parts, ctx, chat, query),
      json: () => (query.after === undefined ? listMessages(ctx, chat, query) : listEvents(ctx, chat, query)),
    })
  })

  return router

  /** The newest messages, or those before one. */
  async function listMessages(ctx: Context, chat: MemberChat, query: Query) {
    if (isUnchanged(ctx, chat, query)) {
      return undefined
    }
    const { limit = LIMITS.messagesPerList, before } = query
    const { messages, more, version } = await newestMessages(db, chat.id, limit, before)
    if (more) {
      ctx.set('Link', `<${listPath(chat)}?before=${messages[0]?.version}&limit=${limit}>; rel="prev"`)
    }
    const last = messages.at(-1)?.version ?? 0
    return {
      id: chat.id,
      uri: chat.uri,
      messages: messages.map(messageJson),
      version: before === undefined ? version : last,
      more,
    }
  }

  /** Everything that happened after a cursor. */
  async function listEvents(ctx: Context, chat: MemberChat, query: Query) {
    if (isUnchanged(ctx, chat, query)) {
      return undefined
    }
    const { limit = LIMITS.messagesPerList, after = 0 } = query
    const found = after === chat.version ? [] : await eventsAfter(db, chat.id, after, limit + 1)
    const events = found.slice(0, limit)
    const more = found.length > limit
    const version = events.at(-1)?.version ?? chat.version
    if (more) {
      ctx.set('Link', `<${listPath(chat)}?after=${version}&limit=${limit}>; rel="next"`)
    }
    return { id: chat.id, uri: chat.uri, messages: events.map(eventJson), version, more }
  }
}

type Query = z.output<typeof eventsQuery>

/** Throws 404, 403, 422 or 503 for a post that was not stored, or may not have been. */
async function postMessage({ posts }: Parts, post: Post): Promise<Posted> {
  const done = await posts.post(post).catch(error => {
    throw error instanceof QueueFull ? unavailable('Too many messages at this moment. Please send again.') : error
  })
  switch (done.outcome) {
    case 'posted':
    case 'again':
      return done
    case 'stranger':
      throw notFound()
    case 'closed':
      throw new Refusal(403, 'This chat is closed: no new messages can be sent.')
    case 'conflict':
      throw invalid({
        key: [
          'Another message was sent with this key: your first version arrived. Send again to send this one as well.',
        ],
      })
    case 'refused':
      throw invalid({ message: ['This message cannot be stored.'] })
  }
}

/** Where a plain form's message is refused the chat's page comes back with the text in its composer and the reason beside it. */
async function keepTyped(parts: Parts, ctx: Context, post: () => Promise<void>) {
  try {
    await post()
  } catch (error) {
    const { status, headers, message: sentence } = asRefusal(error)
    if (ctx.state.form !== 'page' || ![403, 422, 429, 503].includes(status)) {
      throw error
    }
    logCause(parts, error)
    const { message, key } = ctx.state.fields ?? {}
    const chat = await requireMember(parts, ctx)
    ctx.status = status
    ctx.set(headers)
    await showChat(parts, ctx, chat, chat.user, {
      text: typeof message === 'string' ? message : '',
      // What was refused for good is another message once it is mended; what may have been stored is the same one.
      key: status !== 422 && typeof key === 'string' ? key : null,
      sentence,
    })
  }
}

/** What htmx puts into the page after sending: everything that its reader has not seen, the message itself with it. */
async function answerComposer(parts: Parts, ctx: Context, posted: Posted) {
  const { after } = read(ctx, composerCursor)
  if (after === undefined) {
    // Sent from a page of older messages, which has no tail.
    leadTo(ctx, chatPath(readUri(ctx)))
    return
  }
  if (after >= posted.version) {
    ctx.status = 204
    return
  }
  ctx.status = posted.outcome === 'posted' ? 201 : 200
  await showEvents(parts, ctx, 'messages/_sent.njk', { id: posted.chat_id, uri: readUri(ctx) }, after)
}

/** A poll: nothing, or the newer events and a new tail. */
async function showNews(parts: Parts, ctx: Context, chat: MemberChat, { after }: Query) {
  if (after === undefined) {
    throw invalid({ after: ['This field is required.'] })
  }
  if (after === chat.version) {
    ctx.status = 204
    return
  }
  await showEvents(parts, ctx, 'messages/_news.njk', chat, after)
}

async function showEvents(parts: Parts, ctx: Context, view: string, chat: { id: number; uri: string }, after: number) {
  const events = await eventsAfter(parts.db, chat.id, after, LIMITS.eventsPerPoll)
  showFragment(parts, ctx, view, {
    chat,
    events,
    after,
    version: events.at(-1)?.version ?? after,
    more: events.length === LIMITS.eventsPerPoll,
    me: ctx.state.user?.id,
  })
}

async function showOlder(parts: Parts, ctx: Context, chat: MemberChat, { before }: Query) {
  const view = await chatView(parts.db, chat.id, { messages: LIMITS.messagesPerPage, members: 0, before })
  showFragment(parts, ctx, 'messages/_older.njk', { chat, events: view.events, more: view.more, me: chat.user.id })
}

/** Whether the caller has this answer already: then it gets 304. */
function isUnchanged(ctx: Context, chat: MemberChat, query: Query): boolean {
  ctx.set('Cache-Control', 'private, no-cache')
  const etag = `W/"${[chat.version, query.after, query.before, query.limit].join('.')}"`
  ctx.set('ETag', etag)
  // Not ctx.fresh: fetch sends `Cache-Control: no-cache` along with If-None-Match, and that says no to everything.
  if (ctx.get('if-none-match').includes(etag)) {
    ctx.status = 304
    return true
  }
  return false
}

function listPath({ uri }: MemberChat) {
  return `/api/chats/${uri}/messages/`
}
