import { type Chat, findChat } from '../db/chats.js'
import { type Event, eventsAfter, eventsAround } from '../db/events.js'
import type { Db, UserKind } from '../db/schema.js'
import type { KnownVersion } from '../db/versions.js'
import type { DeliveryCallbacks, Reason } from './delivery.js'
import type { RendererFor } from './entry.js'
import { Feed } from './feed.js'
import type { Surroundings } from './surroundings.js'
import type { Swept } from './sweep.js'
import type { Typist } from './typing.js'

/** A feed that is not read is closed after so many milliseconds: longer than the time between the slowest polls of a page. */
const UNUSED_FOR = 45_000
const AT_MOST = 10_000
/**
 * For so many milliseconds pages show what stands around a log as it was read, where no event says that it is another: how long the operator
 * keeps messages.
 */
const SURROUNDED_FOR = 60_000
/** For the windows of all feeds together. */
const BYTES_AT_MOST = 128 * 1024 * 1024

/** A chat's feed, as one of its members reads it. */
export interface Reading {
  feed: Feed
  /** Of the link that the member uses. */
  uri: string
  /** The member's name in the chat. */
  name: string
}

interface Callbacks extends DeliveryCallbacks {
  /** Called for each member who reads. */
  saw(chat_id: number, user_id: number): void
  /** Called when something is said to have happened in a chat, whether it is read here or not. */
  moved(chat_id: number): void
}

/** The feeds of this process: one for each chat that is read here. */
export class Feeds implements Swept {
  private readonly byChat = new Map<number, Feed>()
  /** A URI leads its members to the same chat for ever. */
  private readonly byUri = new Map<string, Feed>()
  /** About how much memory all of them take, as of the last sweep, and how much of it the pieces of their pages. */
  bytes = 0
  pieceBytes = 0
  private readonly db: Db
  private readonly rendererFor: RendererFor
  private readonly callbacks: Callbacks

  constructor(db: Db, rendererFor: RendererFor, callbacks: Callbacks) {
    this.db = db
    this.rendererFor = rendererFor
    this.callbacks = callbacks
  }

  /** What is in memory; the caller makes sure that it is fresh. The member counts as seen. */
  cached(uri: string, user_id: number): Reading | undefined {
    const feed = this.byUri.get(uri)
    const name = feed?.member(user_id)
    if (!feed || name === undefined) {
      return undefined
    }
    feed.usedAt = performance.now()
    this.callbacks.saw(feed.chat_id, user_id)
    return { feed, uri, name }
  }

  /** The same with what surrounds the chat's log, if all of it is in memory. By its newest link only. */
  remembered(uri: string, user_id: number): (Reading & { surroundings: Surroundings }) | undefined {
    const reading = this.cached(uri, user_id)
    const surroundings = reading?.feed.surroundings
    if (!reading || surroundings?.chat.uri !== uri || reading.feed.isBehind) {
      return undefined
    }
    const { feed, name } = reading
    return { feed, uri, name, surroundings }
  }

  /** The owners whose names are in memory: a chat's page shows the name of the account, and no event tells of all its changes. */
  owners(): KnownVersion[] {
    return [...this.byChat.values()].flatMap(({ surroundings }) =>
      surroundings ? [{ id: surroundings.chat.owner_id, version: surroundings.chat.owner_version }] : [],
    )
  }

  ownerMoved(user_id: number) {
    for (const feed of this.byChat.values()) {
      if (feed.surroundings?.chat.owner_id === user_id) {
        feed.forgetPage()
      }
    }
  }

  /** Asks the database. Undefined where there is no such chat, or the user is not a member of it. */
  async find(uri: string, user_id: number): Promise<Reading | undefined> {
    for (;;) {
      const askedAt = performance.now()
      const chat = await findChat(this.db, uri, user_id)
      if (!chat || chat.member_name === null) {
        return undefined
      }
      const reading = await this.learn(chat, user_id, askedAt)
      if (reading) {
        return reading
      }
    }
  }

  /**
   * Takes in what the database has just said of a chat and one of its members. Undefined where the feed knows that the member has
   * left since.
   */
  async learn(chat: Chat, user_id: number, askedAt: number): Promise<Reading | undefined> {
    const { uri, member_name: name } = chat
    const feed = this.feedOf(chat, askedAt)
    if (name === null || !feed.learnMember(user_id, name, chat.version)) {
      return undefined
    }
    this.callbacks.saw(chat.id, user_id)
    await feed.catchUp(chat.version)
    return { feed, uri, name }
  }

  /** The feed of a chat that was just read from the database, for readers who need not be members. */
  feedOf(chat: Chat, askedAt: number): Feed {
    const feed = this.byChat.get(chat.id) ?? this.open(chat, askedAt)
    feed.usedAt = performance.now()
    feed.uris.add(chat.uri)
    this.byUri.set(chat.uri, feed)
    return feed
  }

  /** Takes in a message without a reply or a mention that this process posted: its readers here get it without a statement. */
  posted(
    chat_id: number,
    user: { id: number; kind: UserKind; username: string },
    message: Pick<Event, 'version' | 'key' | 'text' | 'created_at'>,
  ) {
    const feed = this.byChat.get(chat_id)
    const name = feed?.member(user.id)
    if (feed && name !== undefined) {
      feed.posted({
        ...message,
        id: message.version,
        kind: 'message',
        actor_id: user.id,
        actor_username: user.username,
        actor_name: name,
        actor_kind: user.kind,
        author_id: user.id,
        author_username: user.username,
        author_name: name,
        author_kind: user.kind,
        ...PLAIN,
      })
    }
    this.reached(chat_id, message.version)
  }

  /** Tells the chat's streams that a member is typing. */
  typing(chat_id: number, typist: Typist) {
    this.byChat.get(chat_id)?.typing(typist)
  }

  /** Delivers what had to wait until the database confirmed the readers. */
  deliver() {
    for (const feed of this.byChat.values()) {
      feed.deliver()
    }
  }

  versions() {
    this.closeUnused()
    return [...this.byChat.values()].map(({ chat_id, version }) => ({ id: chat_id, version }))
  }

  moved(chat_id: number, version: number | null, known: number) {
    this.callbacks.moved(chat_id)
    const feed = this.byChat.get(chat_id)
    if (feed && (version === null || version < known)) {
      // The chat was deleted, or a backup was restored and its versions mean something else now.
      this.close(feed, version === null ? 'deleted' : 'restart')
    } else if (feed && version !== null) {
      this.follow(feed, version).catch(this.callbacks.onFailure)
    }
  }

  /** The chat is said to be at that version. The feed may know that already. */
  reached(chat_id: number, version: number) {
    this.callbacks.moved(chat_id)
    this.byChat.get(chat_id)?.catchUp(version).catch(this.callbacks.onFailure)
  }

  /** Closes all: what is in memory is of another database. */
  closeAll() {
    for (const feed of this.byChat.values()) {
      this.close(feed)
    }
  }

  /** The database has said that the chat is at that version. Where no event led there, an epoch has begun, and the readers come back. */
  private async follow(feed: Feed, version: number) {
    await feed.catchUp(version)
    if (feed.version < version) {
      this.close(feed)
    }
  }

  private open({ id, uri, version }: Chat, askedAt: number): Feed {
    const read = (chat_id: number, after: number, limit: number) => eventsAfter(this.db, chat_id, after, limit)
    const around = (chat_id: number, version: number) => eventsAround(this.db, chat_id, version)
    const { mayDeliver, onFailure, delivered } = this.callbacks
    const renderer = this.rendererFor(uri)
    const feed = new Feed(id, version, askedAt, { read, around, renderer, mayDeliver, onFailure, delivered })
    if (this.byChat.size >= AT_MOST) {
      this.closeLongestUnused()
    }
    this.byChat.set(id, feed)
    return feed
  }

  private close(feed: Feed, reason: Reason = 'restart') {
    feed.close(reason)
    this.byChat.delete(feed.chat_id)
    for (const uri of feed.uris) {
      this.byUri.delete(uri)
    }
  }

  private closeUnused() {
    const now = performance.now()
    let bytes = 0
    this.pieceBytes = 0
    for (const feed of this.byChat.values()) {
      if (!feed.hasStreams && now - feed.usedAt > UNUSED_FOR) {
        this.close(feed)
      } else {
        if (now - (feed.surroundings?.madeAt ?? now) > SURROUNDED_FOR) {
          feed.surroundings = undefined
        }
        bytes += feed.bytes
        this.pieceBytes += feed.logs.bytes + (feed.surroundings?.bytes ?? 0)
      }
    }
    this.bytes = bytes
    for (const feed of bytes > BYTES_AT_MOST ? this.longestUnused() : []) {
      if (bytes > BYTES_AT_MOST) {
        bytes -= feed.bytes
        feed.clearWindow()
      }
    }
  }

  /** Feeds with streams stay: the limits of streams limit them too. */
  private closeLongestUnused() {
    const feed = this.longestUnused().find(({ hasStreams }) => !hasStreams)
    if (feed) {
      this.close(feed)
    }
  }

  private longestUnused(): Feed[] {
    return [...this.byChat.values()].sort((a, b) => a.usedAt - b.usedAt)
  }
}

/** What every message without a reply or a mention has when it has just been posted. */
const PLAIN = {
  edited_at: null,
  deleted_at: null,
  mentions: null,
  reactions: null,
  reply_to: null,
  reply_author_id: null,
  reply_author_name: null,
  reply_author_kind: null,
  reply_text: null,
}
