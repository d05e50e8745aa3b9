import Router from '@koa/router'
import { type Chat, findChat } from '../db/chats.js'
import { notFound } from '../errors.js'
import { addressOf } from '../http/address.js'
import type { Parts, RouteContext, State } from '../http/context.js'
import { tutorialJson } from '../http/json.js'
import { mark } from '../http/marks.js'
import { UpgradeResponse } from '../http/websockets.js'
import { ANYONE } from '../live/delivery.js'
import type { Entry } from '../live/entry.js'
import { MessageSocket, type OpenLink } from '../live/message-socket.js'
import type { Reader } from '../live/stream.js'
import { admitReader } from './readers.js'
import { count, EXACT, readUri } from './scope.js'

/**
 * The WebSockets of the tutorial's clients, which send no credential: the new messages of the chats whose links the operator has named. It has a
 * port of its own, and takes no notice of cookies and tokens, so that pages of any origin may read there (docs/decisions/025).
 */
export function tutorial(parts: Parts) {
  const router = new Router<State>(EXACT)
  const frame = rememberedFor((entry: Entry) => Buffer.from(JSON.stringify(tutorialJson(entry.event))))
  // Of a chat's links one at a time lets people in, so all readers whom a change concerns have the same.
  const isOpenAfter = (uri: string) =>
    rememberedFor(async (_entry: Entry) => (await openChat(parts, uri)) !== undefined)
  const links = new Map<string, OpenLink>()
  for (const uri of parts.config.tutorial?.links ?? []) {
    links.set(uri, { frame, isOpenAfter: isOpenAfter(uri) })
  }

  router.get('/:uri', mark({ anonymous: true }), async ctx => {
    const { res } = ctx
    const uri = readUri(ctx)
    const link = links.get(uri)
    if (!link || !(res instanceof UpgradeResponse)) {
      throw notFound()
    }
    count(parts, ctx, 'addressLists', addressOf(ctx))
    const askedAt = performance.now()
    const chat = await openChat(parts, uri)
    if (!chat) {
      throw notFound()
    }
    const reader = readerBy(ctx, chat)
    const feed = parts.live.feedOf(chat, askedAt)
    admitReader(parts, reader)
    ctx.status = 101
    ctx.state.openStream = () => {
      res.accept({
        begin(socket, wire) {
          const stream = new MessageSocket(reader, feed, socket, wire, link)
          // Not after the feed's version: a change that closes the link may have come since the chat was read.
          parts.live.run(stream, chat.version)
        },
        fail: () => parts.live.streams.release(reader),
      })
    }
  })

  return router
}

/** The chat, if its link lets in whoever has it, without an account. */
async function openChat({ db }: Parts, uri: string): Promise<Chat | undefined> {
  const chat = await findChat(db, uri, undefined)
  return chat && chat.joins_closed_at === null && chat.guests_off_at === null ? chat : undefined
}

/** The stream ends with the link: it may have been made for a day. */
function readerBy(ctx: RouteContext, { expires_at }: Chat): Reader {
  const endsAt = expires_at ? performance.now() + expires_at.getTime() - Date.now() : Number.POSITIVE_INFINITY
  return { user_id: ANYONE, user_version: 0, endsAt, credential: undefined, token_id: null, address: addressOf(ctx) }
}

/** Makes it once for each entry, for as long as that is in memory. */
function rememberedFor<Made>(make: (entry: Entry) => Made): (entry: Entry) => Made {
  const known = new WeakMap<Entry, { made: Made }>()
  return entry => {
    const { made } = known.get(entry) ?? { made: make(entry) }
    known.set(entry, { made })
    return made
  }
}
