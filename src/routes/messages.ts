import Router from '@koa/router'
import pLimit from 'p-limit'
import type { z } from 'zod'
import { LIMITS } from '../config.js'
import { newestMessages } from '../db/events.js'
import type { Refusal } from '../errors.js'
import { linkTo } from '../http/address.js'
import { messageList, postedMessage } from '../http/answers.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { isNamed } from '../http/etags.js'
import { asText } from '../http/fields.js'
import { readQuery } from '../http/input.js'
import { listJson, messageJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { rememberChange } from '../http/own-changes.js'
import { give, respond, seeOther } from '../http/respond.js'
import { eventsQuery, newMessage } from '../http/schemas.js'
import { fill } from '../slices.js'
import { RULES_VERSION } from '../text/markdown.js'
import { said, withDays } from '../text/transcript.js'
import { showChat } from './chat-page.js'
import { MENDABLE, submitForm } from './forms.js'
import { limitNews, pollFromMemory, showNews, showOlder } from './news.js'
import { answerPosted, answerSeen, postRequested, shortPosts } from './posting.js'
import { chatPath, EXACT, limitLists, readUri, requireCursor, requireMember, requireReading } from './scope.js'
import { awaitNews } from './waits.js'

/** Posting messages, and reading those before or after a cursor. */
export function messages(parts: Parts) {
  const { db } = parts
  const queue = pLimit(LIMITS.listsAtOnce)
  const router = new Router<State>({ ...EXACT, prefix: '/chats/:uri/messages' })

  const posting = mark({
    shortChanges: shortPosts(parts),
    body: newMessage,
    formFields: ['after', 'draft_of'],
    lenient: true,
    operation: {
      id: 'postMessage',
      does: 'Post a message: with an Idempotency-Key once, however often it is sent',
      who: 'member',
      scope: 'post',
      takes: ['Idempotency-Key'],
      answers: { 201: postedMessage, 200: postedMessage },
      problems: ['rate_limited', 'read_only', 'key_conflict', 'no_such_message', 'not_storable', 'too_many_posts'],
      example: { message: 'hello' },
    },
  })
  router.post('/', posting, async ctx => {
    const post = async () => {
      const said = await postRequested(parts, ctx)
      const uri = readUri(ctx)
      await respond(ctx, {
        page: () => {
          rememberChange(parts, ctx, uri, said.posted.version)
          seeOther(ctx, chatPath(uri))
        },
        fragment: async () => give(ctx, await answerSeen(parts, ctx, said)),
        json: () => give(ctx, answerPosted(ctx, said)),
      })
    }
    await submitForm(parts, ctx, post, refusal => showTyped(parts, ctx, refusal), [403, ...MENDABLE])
  })

  const listing = mark({
    short: pollFromMemory(parts),
    text: true,
    gzip: true,
    query: eventsQuery,
    operation: {
      id: 'listMessages',
      does: 'The newest messages; with before older ones; with after every event since, and with wait as soon as there is one',
      who: 'member',
      scope: 'read',
      takes: ['If-None-Match'],
      answers: { 200: messageList, 304: null },
      problems: ['rate_limited', 'cursor_ahead', 'too_many_streams', 'restarting'],
    },
  })
  router.get('/', listing, async ctx => {
    const older = ctx.query.before !== undefined
    const list = () => (ctx.query.after === undefined ? listMessages(ctx) : listEvents(ctx))
    await respond(ctx, {
      page: () => leadToPage(ctx),
      fragment: () => (older ? showOlder(parts, ctx) : showNews(parts, ctx)),
      json: list,
      text: list,
    })
  })

  return router

  async function leadToPage(ctx: RouteContext) {
    const { uri } = await requireMember(parts, ctx)
    const { before, after } = readQuery(ctx, eventsQuery)
    if (after !== undefined) {
      await requireCursor(parts, ctx, await requireReading(parts, ctx), after)
    }
    seeOther(ctx, chatPath(uri) + (before === undefined ? '' : `?before=${before}`))
  }

  /** The newest messages, or those before a cursor, as JSON or text. */
  async function listMessages(ctx: RouteContext) {
    const chat = await requireMember(parts, ctx)
    const query = readQuery(ctx, eventsQuery)
    if (isUnchanged(ctx, chat.version, query)) {
      return undefined
    }
    limitLists(parts, ctx, chat.user)
    const { limit = LIMITS.messagesPerList, before } = query
    let version: number | undefined
    let isEnd = false
    const { items, texts, cut } = await queue(() =>
      fill(newestFirst(), LIMITS.listBytes, event =>
        ctx.state.form === 'text' ? said(event) : JSON.stringify(messageJson(event)),
      ),
    )
    const more = cut !== undefined || !isEnd
    if (more) {
      linkTo(parts, ctx, `${listPath(chat)}?before=${items.at(-1)?.version}&limit=${limit}`, 'prev')
    }
    if (before !== undefined) {
      version = items[0]?.version ?? 0
    }
    texts.reverse()
    return ctx.state.form === 'text'
      ? withDays(items.reverse(), texts)
      : listJson({ id: chat.id, uri: chat.uri, version, more }, 'messages', texts)

    async function* newestFirst() {
      let cursor = before
      for (let left = limit; left > 0 && !isEnd; left -= LIMITS.messagesPerRead) {
        const page = await newestMessages(db, chat.id, Math.min(left, LIMITS.messagesPerRead), cursor)
        // The version of the first read: what happens while the rest is read comes after it.
        version ??= page.version
        isEnd = !page.more
        cursor = page.messages[0]?.version
        yield* page.messages.reverse()
      }
    }
  }

  /** All events after a cursor, as JSON or text. */
  async function listEvents(ctx: RouteContext) {
    const reading = await requireReading(parts, ctx)
    const query = readQuery(ctx, eventsQuery)
    const { after = 0, wait = 0 } = query
    const from = await requireCursor(parts, ctx, reading, after)
    const { feed, uri } =
      from === reading.feed.version && wait > 0 ? await awaitNews(parts, ctx, reading, wait) : reading
    const current = feed.version
    if (isUnchanged(ctx, current, query)) {
      return undefined
    }
    limitNews(parts, ctx, reading, from)
    const { limit = LIMITS.messagesPerList } = query
    const { items, texts } = await queue(() =>
      fill(oldestFirst(), LIMITS.listBytes, entry => (ctx.state.form === 'text' ? said(entry.event) : entry.json())),
    )
    const version = items.at(-1)?.version ?? current
    const more = version < current
    if (more) {
      linkTo(parts, ctx, `${listPath(reading)}?after=${version}&limit=${limit}`, 'next')
    }
    return ctx.state.form === 'text'
      ? withDays(
          items.map(({ event }) => event),
          texts,
        )
      : listJson({ id: feed.chat_id, uri, version, more }, 'messages', texts)

    async function* oldestFirst() {
      let cursor = from
      for (let left = limit; left > 0 && cursor < current; left -= LIMITS.messagesPerRead) {
        const page = await feed.after(cursor, Math.min(left, LIMITS.messagesPerRead))
        cursor = page.at(-1)?.version ?? current
        yield* page
      }
    }
  }
}

type Query = z.output<typeof eventsQuery>

/** The chat's page, with the refused text in its composer and the reason above it. */
async function showTyped(parts: Parts, ctx: RouteContext, { status, message: sentence }: Refusal) {
  const { message, key, reply_to } = ctx.state.fields ?? {}
  const chat = await requireMember(parts, ctx)
  await showChat(parts, ctx, chat, chat.user, {
    text: asText(message),
    // After 422 the corrected text is a new message. After other refusals the message may have been stored, so it keeps its key.
    key: status !== 422 && typeof key === 'string' ? key : null,
    sentence,
    reply_to: /^\d{1,15}$/.test(asText(reply_to)) ? Number(reply_to) : undefined,
  })
}

/** Whether the caller has this answer already. It gets 304 then. */
function isUnchanged(ctx: RouteContext, version: number, query: Query): boolean {
  ctx.set('Cache-Control', 'private, no-cache')
  const etag = `W/"${[RULES_VERSION, version, query.after, query.before, query.limit, ctx.state.form[0]].join('.')}"`
  ctx.set('ETag', etag)
  // ctx.fresh does not do: it is false for `Cache-Control: no-cache`, which fetch sends along with If-None-Match.
  if (isNamed(ctx.get('if-none-match'), etag)) {
    ctx.status = 304
    return true
  }
  return false
}

function listPath({ uri }: { uri: string }) {
  return `/api/chats/${uri}/messages/`
}
