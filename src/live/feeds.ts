import { type Chat, findChat } from '../db/chats.js'
import { type Event, eventsAfter } from '../db/events.js'
import type { Db, UserKind } from '../db/schema.js'
import type { Typist } from './bus.js'
import type { RendererFor } from './entry.js'
import { Feed } from './feed.js'
import type { Swept } from './sweep.js'

/** A feed that nobody reads leaves after so many milliseconds: longer than the slowest poll of a page takes to come again. */
const UNUSED_FOR = 45_000
const AT_MOST = 10_000
/** For the windows of all feeds. */
const BYTES_AT_MOST = 128 * 1024 * 1024

/** A chat's feed, for one of its members. */
export interface Reading {
  feed: Feed
  uri: string
  /** The member's name in the chat. */
  name: string
}

interface Surroundings {
  /** Whether readers may be told what is new. */
  delivers(): boolean
  /** Hears who reads. */
  saw(chat_id: number, user_id: number): void
  onFailure(error: unknown): void
}

/** The feeds of this process: one for each chat that is read here. */
export class Feeds implements Swept {
  private readonly byChat = new Map<number, Feed>()
  /** Where a link leads a member never changes. */
  private readonly byUri = new Map<string, Feed>()
  private readonly db: Db
  private readonly rendererFor: RendererFor
  private readonly delivers: () => boolean
  private readonly saw: (chat_id: number, user_id: number) => void
  private readonly onFailure: (error: unknown) => void

  constructor(db: Db, rendererFor: RendererFor, { delivers, saw, onFailure }: Surroundings) {
    this.db = db
    this.rendererFor = rendererFor
    this.delivers = delivers
    this.saw = saw
    this.onFailure = onFailure
  }

  /** What is in memory, for whoever makes sure that it still holds. Who asks is here. */
  known(uri: string, user_id: number): Reading | undefined {
    const feed = this.byUri.get(uri)
    const name = feed?.member(user_id)
    if (!feed || name === undefined) {
      return undefined
    }
    feed.usedAt = performance.now()
    this.saw(feed.chat_id, user_id)
    return { feed, uri, name }
  }

  /** Asks the database. Undefined where there is no such chat, or the user is no member of it. */
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

  /** What the database has just said of a chat, as one of its members sees it. Undefined where the feed has heard since that they left. */
  async learn(chat: Chat, user_id: number, askedAt: number): Promise<Reading | undefined> {
    const { uri, member_name: name } = chat
    const feed = this.byChat.get(chat.id) ?? this.open(chat, askedAt)
    feed.usedAt = performance.now()
    feed.uris.add(uri)
    this.byUri.set(uri, feed)
    if (name === null || !feed.learnMember(user_id, name, chat.version)) {
      return undefined
    }
    this.saw(chat.id, user_id)
    await feed.catchUp(chat.version)
    return { feed, uri, name }
  }

  /** A message that answers nothing and names nobody was posted here: those who follow its chat get it from memory. */
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
        author_id: user.id,
        author_username: user.username,
        author_name: name,
        author_is_guest: user.kind === 'guest',
        ...PLAIN,
      })
    }
    this.reached(chat_id, message.version)
  }

  /** Somebody is typing: those who follow the chat here hear of it. */
  typing(chat_id: number, typist: Typist) {
    this.byChat.get(chat_id)?.typing(typist)
  }

  /** Tells readers what had to wait until they were confirmed as readers. */
  deliver() {
    for (const feed of this.byChat.values()) {
      feed.deliver()
    }
  }

  versions() {
    this.leaveUnused()
    return [...this.byChat.values()].map(({ chat_id, version }) => ({ id: chat_id, version }))
  }

  moved(chat_id: number, version: number | null, known: number) {
    const feed = this.byChat.get(chat_id)
    if (feed && (version === null || version < known)) {
      // The chat is gone, or is another: a backup was restored.
      feed.disperse(version === null ? 'gone' : 'restart')
      this.close(feed)
    } else if (version !== null) {
      this.reached(chat_id, version)
    }
  }

  /** The chat is said to be at that version, which may be old news. */
  reached(chat_id: number, version: number) {
    this.byChat.get(chat_id)?.catchUp(version).catch(this.onFailure)
  }

  private open({ id, uri, version }: Chat, askedAt: number): Feed {
    const read = (chat_id: number, after: number, limit: number) => eventsAfter(this.db, chat_id, after, limit)
    const { delivers, onFailure } = this
    const renderer = this.rendererFor(uri)
    const feed = new Feed(id, version, askedAt, { read, renderer, delivers, onFailure })
    if (this.byChat.size >= AT_MOST) {
      this.leaveLongestUnused()
    }
    this.byChat.set(id, feed)
    return feed
  }

  private close(feed: Feed) {
    feed.isClosed = true
    this.byChat.delete(feed.chat_id)
    for (const uri of feed.uris) {
      this.byUri.delete(uri)
    }
  }

  private leaveUnused() {
    const now = performance.now()
    let bytes = 0
    for (const feed of this.byChat.values()) {
      if (!feed.hasReaders && now - feed.usedAt > UNUSED_FOR) {
        this.close(feed)
      } else {
        bytes += feed.bytes
      }
    }
    for (const feed of bytes > BYTES_AT_MOST ? this.longestUnused() : []) {
      if (bytes > BYTES_AT_MOST) {
        bytes -= feed.bytes
        feed.emptyWindow()
      }
    }
  }

  /** A feed that is read by streams stays: there are no more of these than streams. */
  private leaveLongestUnused() {
    const feed = this.longestUnused().find(({ hasReaders }) => !hasReaders)
    if (feed) {
      this.close(feed)
    }
  }

  private longestUnused(): Feed[] {
    return [...this.byChat.values()].sort((a, b) => a.usedAt - b.usedAt)
  }
}

/** What a message is that has just been posted. */
const PLAIN = {
  edited_at: null,
  deleted_at: null,
  mentions: null,
  reactions: null,
  reply_to: null,
  reply_author_id: null,
  reply_author_name: null,
  reply_text: null,
}
