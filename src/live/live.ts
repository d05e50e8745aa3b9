import type { Happening } from '../db/all-chats.js'
import type { Chat } from '../db/chats.js'
import type { Address } from '../db/connection.js'
import { keepEpoch } from '../db/epoch.js'
import type { Event } from '../db/events.js'
import type { Identity } from '../db/identities.js'
import type { Db, UserKind } from '../db/schema.js'
import { type Bus, CarriedBus, type Carrier, type Hearer, noBus } from './bus.js'
import { ChatLists } from './chat-lists.js'
import type { RendererFor } from './entry.js'
import type { Feed } from './feed.js'
import { Feeds, type Reading } from './feeds.js'
import { followAll } from './follow-all.js'
import { type Credential, Identities } from './identities.js'
import { Presence } from './presence.js'
import type { Stream } from './stream.js'
import { type StreamLimits, Streams } from './streams.js'
import { earliest, Sweep, type Swept } from './sweep.js'
import { TokenUse } from './token-use.js'
import type { Position, Told } from './told.js'
import type { Typist } from './typing.js'
import { WatchedChats } from './watched-chats.js'

interface Setting {
  db: Db
  address: Address
  /** What brings the hints of the bus; undefined with BUS=off. */
  openCarrier: ((hearer: Hearer) => Carrier) | undefined
  rendererFor: RendererFor
  limits: StreamLimits
  log(sentence: string, error: unknown): void
  say(sentence: string): void
  /** A message was delivered to the streams, so many seconds after it was posted. */
  delivered(seconds: number): void
}

/**
 * What is answered from memory: whose a session or token is, which chats its user may read, and what is new in them. What is not in
 * memory, or not fresh, is read from the database. These functions throw its error where that is not possible.
 */
export class Live {
  readonly streams: Streams
  readonly presence: Presence
  readonly tokenUse: TokenUse
  readonly chatLists: ChatLists
  readonly watched: WatchedChats
  private readonly identities: Identities
  private readonly feeds: Feeds
  private readonly sweep: Sweep
  private readonly bus: Bus
  private readonly db: Db
  private readonly log: Setting['log']
  /** How many streams began with events that their readers had missed. */
  private replays = 0
  /** The epoch that what is in memory belongs to, once it is known. */
  private epoch: number | undefined
  private checking: Promise<void> | undefined
  /** Whether connections to the database have ended since the epoch was last read. */
  private mayBeAnother = true

  constructor({ db, address, openCarrier, rendererFor, limits, log, say, delivered }: Setting) {
    this.streams = new Streams(limits)
    this.chatLists = new ChatLists(this.streams)
    this.identities = new Identities(db)
    this.log = log
    this.db = db
    this.watched = new WatchedChats(db, error => log('Reading whose chats are watched failed', error))
    this.presence = new Presence(
      db,
      () => this.streams.readers(),
      error => log('Noting who is here failed', error),
    )
    this.tokenUse = new TokenUse(db, this.streams, log)
    this.feeds = new Feeds(db, rendererFor, {
      mayDeliver: () => this.sweep.mayDeliver,
      saw: (chat_id, user_id) => this.presence.saw(chat_id, user_id),
      moved: chat_id => this.chatLists.moved(chat_id),
      onFailure: error => log('Telling what is new in a chat failed', error),
      delivered: posted => delivered(Math.max(0, Date.now() - posted.getTime()) / 1000),
    })
    const users: Swept = {
      versions: () => earliest([...this.identities.versions(), ...this.streams.versions(), ...this.feeds.owners()]),
      moved: user_id => this.userMoved(user_id),
    }
    const chats: Swept = {
      versions: () => [...this.feeds.versions(), ...this.watched.versions()],
      moved: (chat_id, version, known) => {
        this.feeds.moved(chat_id, version, known)
        this.watched.moved(chat_id, version)
      },
    }
    this.sweep = new Sweep(db, chats, users, this.watched, () => {
      this.feeds.deliver()
      if (this.mayBeAnother) {
        this.checking ??= this.checkEpoch(db, address, say)
      }
    })
    const failed = (error: unknown) => {
      this.disconnected()
      log('Asking what is new failed', error)
    }
    this.sweep.start(failed, () => this.streams.end())
    const listener = {
      chat: (id: number, version: number) => this.hear(id, version),
      user: (id: number) => void this.userMoved(id),
      typing: (id: number, typist: Typist) => this.feeds.typing(id, typist),
      missed: () => {
        this.chatLists.missed()
        this.disconnected()
        void this.sweep.now().catch(failed)
      },
    }
    this.bus = openCarrier ? new CarriedBus(listener, openCarrier) : noBus
  }

  /** The user of a session or a token; undefined once it has ended, or where there is none. */
  async identify(credential: Credential | undefined): Promise<Identity | undefined> {
    if (!credential) {
      return undefined
    }
    const cached = this.identities.cached(credential)
    if (cached && this.sweep.isFresh(cached)) {
      return cached.identity
    }
    if (cached) {
      await this.sweep.confirm()
    }
    return this.identities.cached(credential)?.identity ?? this.identities.find(credential)
  }

  /** The chat's feed, fresh; undefined where there is no such chat, or the user is not a member of it. */
  async reading(uri: string, user_id: number): Promise<Reading | undefined> {
    const cached = this.feeds.cached(uri, user_id)
    if (cached && !this.sweep.isFresh(cached.feed)) {
      await this.sweep.confirm()
    }
    if (cached?.feed.isBehind) {
      await cached.feed.catchUp()
    }
    return this.feeds.cached(uri, user_id) ?? this.feeds.find(uri, user_id)
  }

  /** Whose session or token it is, if memory alone makes sure of it: asks nothing. */
  identified(credential: Credential): Identity | undefined {
    const cached = this.identities.cached(credential)
    return cached && this.sweep.isFresh(cached) ? cached.identity : undefined
  }

  /** What a member sees of the chat, if memory alone makes sure of all of it: asks nothing. By its newest link only. */
  remembered(uri: string, user_id: number): ReturnType<Feeds['remembered']> {
    const found = this.feeds.remembered(uri, user_id)
    return found && this.sweep.isFresh(found.feed) ? found : undefined
  }

  /** The same for a chat that was just read from the database, without another statement. */
  learn(chat: Chat, user_id: number, askedAt: number): Promise<Reading | undefined> {
    return this.feeds.learn(chat, user_id, askedAt)
  }

  /** The feed of a chat that was just read, for readers who need not be members. */
  feedOf(chat: Chat, askedAt: number): Feed {
    return this.feeds.feedOf(chat, askedAt)
  }

  /** Whether memory alone makes sure that the user is a member of the chat and has seen all of it. Asks nothing. */
  isIdle(uri: string, user_id: number, version: number): boolean {
    const reading = this.feeds.cached(uri, user_id)
    return reading?.feed.version === version && !reading.feed.isBehind && this.sweep.isFresh(reading.feed)
  }

  /** This process has posted a message without a reply or a mention. */
  posted(
    chat_id: number,
    user: { id: number; kind: UserKind; username: string },
    message: Pick<Event, 'version' | 'key' | 'text' | 'created_at'>,
  ) {
    this.feeds.posted(chat_id, user, message)
    this.watched.reached(chat_id, message.version)
    this.bus.tellChat(chat_id, message.version)
  }

  /** This process has brought the chat to that version. */
  reached(chat_id: number, version: number) {
    this.hear(chat_id, version)
    this.bus.tellChat(chat_id, version)
  }

  /** A member is typing. It is not stored. */
  typing(chat_id: number, typist: Typist) {
    this.feeds.typing(chat_id, typist)
    this.bus.tellTyping(chat_id, typist)
  }

  /** This process has deleted the chat. The others find that out by the sweep. */
  deleted(chat_id: number) {
    this.feeds.moved(chat_id, null, 0)
    this.watched.moved(chat_id, null)
  }

  /** This process has ended a session or a token of the user. */
  ended(user_id: number) {
    void this.userMoved(user_id)
    this.bus.tellUser(user_id)
  }

  /** Runs the stream until it is over. */
  run(stream: Stream, after: number) {
    this.streams.add(stream)
    if (!stream.ended) {
      this.replays += stream.feed && after < stream.feed.version ? 1 : 0
      stream.begin(after).catch(error => {
        this.log('A stream failed', error)
        stream.drop()
      })
    }
  }

  /** A connection to the database has ended. With the next one the database may be another. */
  disconnected() {
    this.mayBeAnother = true
  }

  /** What is measured here, as it is now (process/meters.ts). */
  measured() {
    const { streams, feeds, sweep, bus, replays } = this
    return { streams, feeds, sweep, bus, replays }
  }

  /** Runs a stream of all chats of its user until it is over. */
  runAll(stream: Stream, position: Position, asTold: (happening: Happening) => Told) {
    this.run(stream, 0)
    followAll(this.db, this.watched, stream, position, asTold).catch(error => {
      this.log('A stream failed', error)
      stream.drop()
    })
  }

  /** Ends all streams. Nothing is read or sent after it. */
  async close() {
    const written = Promise.all([this.presence.close(), this.tokenUse.close()])
    this.streams.close()
    this.chatLists.close()
    this.sweep.stop()
    await written.then(() => this.bus.close())
    await this.checking
  }

  /**
   * Where the connections of before have ended, another database may have taken the place of the one that memory is of. Its next user or chat
   * can get the number of one that it lacks: nothing in memory may live on.
   */
  private async checkEpoch(db: Db, address: Address, say: Setting['say']) {
    this.mayBeAnother = false
    try {
      const epoch = await keepEpoch(db, address, say)
      if (this.epoch !== undefined && this.epoch !== epoch) {
        this.identities.clear()
        this.feeds.closeAll()
        this.streams.end()
      }
      this.epoch = epoch
    } catch (error) {
      this.disconnected()
      this.log('The epoch is not known', error)
    } finally {
      this.checking = undefined
    }
  }

  /** The chat is said to be at that version. */
  private hear(chat_id: number, version: number) {
    this.feeds.reached(chat_id, version)
    this.watched.reached(chat_id, version)
  }

  /**
   * A session or token of the user may have ended: forgets what is in memory of them, and reads those of the open streams again.
   * Resolves once every stream whose session or token has ended is ended too.
   */
  private async userMoved(user_id: number) {
    this.identities.forgetUser(user_id)
    this.feeds.ownerMoved(user_id)
    await Promise.all(this.streams.ofUser(user_id).map(stream => this.review(stream)))
  }

  private async review(stream: Stream) {
    try {
      const { credential } = stream.reader
      const identity = credential && (await this.identities.find(credential))
      if (identity) {
        stream.reader.user_version = identity.user_version
        stream.reader.endsAt = identity.endsAt
      } else {
        stream.end('signed_out')
      }
    } catch {
      stream.end('restart')
    }
  }
}
