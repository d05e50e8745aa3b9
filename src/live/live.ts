import type { Chat } from '../db/chats.js'
import type { Address } from '../db/connection.js'
import type { Event } from '../db/events.js'
import type { Identity } from '../db/identities.js'
import type { Db, UserKind } from '../db/schema.js'
import type { KnownVersion } from '../db/versions.js'
import { type Bus, PostgresBus, silence, type Typist } from './bus.js'
import type { RendererFor } from './entry.js'
import { Feeds, type Reading } from './feeds.js'
import { type Credential, Identities } from './identities.js'
import { Presence } from './presence.js'
import type { Stream } from './stream.js'
import { type StreamLimits, Streams } from './streams.js'
import { Sweep, type Swept } from './sweep.js'

interface Setting {
  db: Db
  /** For the bus, which has a connection of its own; none with BUS=off. */
  address: Address | undefined
  rendererFor: RendererFor
  limits: StreamLimits
  log(sentence: string, error: unknown): void
}

/**
 * What is answered from memory: who somebody is, what they may read, and what is new there. Whatever is not certain to be
 * true at this moment is asked of the database; where that cannot be asked either, these throw its error.
 */
export class Live {
  readonly streams: Streams
  readonly presence: Presence
  private readonly identities: Identities
  private readonly feeds: Feeds
  private readonly sweep: Sweep
  private readonly bus: Bus
  private readonly log: Setting['log']

  constructor({ db, address, rendererFor, limits, log }: Setting) {
    this.streams = new Streams(limits)
    this.identities = new Identities(db)
    this.log = log
    this.presence = new Presence(
      db,
      () => this.streams.readers(),
      error => log('Noting who is here failed', error),
    )
    this.feeds = new Feeds(db, rendererFor, {
      delivers: () => this.sweep.delivers,
      saw: (chat_id, user_id) => this.presence.saw(chat_id, user_id),
      onFailure: error => log('Telling what is new in a chat failed', error),
    })
    const users: Swept = {
      versions: () => earliest([...this.identities.versions(), ...this.streams.versions()]),
      moved: user_id => this.userMoved(user_id),
    }
    this.sweep = new Sweep(db, this.feeds, users, () => this.feeds.deliver())
    this.sweep.start(
      error => log('Asking what is new failed', error),
      () => this.streams.disperse(),
    )
    const hearer = {
      chat: (id: number, version: number) => this.feeds.reached(id, version),
      user: (id: number) => void this.userMoved(id),
      typing: (id: number, typist: Typist) => this.feeds.typing(id, typist),
      missed: () => void this.sweep.now().catch(error => log('Asking what is new failed', error)),
    }
    this.bus = address ? new PostgresBus(address, hearer, error => log('The bus is interrupted', error)) : silence
  }

  /** Who a session or a token stands for; undefined once it has ended. */
  async identify(credential: Credential): Promise<Identity | undefined> {
    const known = this.identities.known(credential)
    if (known && this.sweep.holds(known)) {
      return known.identity
    }
    if (known) {
      await this.sweep.confirm()
    }
    return this.identities.known(credential)?.identity ?? this.identities.find(credential)
  }

  /** The chat's feed, as fresh as the database; undefined for whoever is no member of such a chat. */
  async reading(uri: string, user_id: number): Promise<Reading | undefined> {
    const known = this.feeds.known(uri, user_id)
    if (known && !this.sweep.holds(known.feed)) {
      await this.sweep.confirm()
    }
    if (known?.feed.isBehind) {
      await known.feed.catchUp()
    }
    return this.feeds.known(uri, user_id) ?? this.feeds.find(uri, user_id)
  }

  /** The feed of a chat that the database has just told of, as one of its members sees it: nothing is asked again. */
  learn(chat: Chat, user_id: number, askedAt: number): Promise<Reading | undefined> {
    return this.feeds.learn(chat, user_id, askedAt)
  }

  /** Whether it is certain, from memory alone, that they are a member of the chat and have seen all of it. */
  isIdle(credential: Credential, uri: string, version: number): boolean {
    const known = this.identities.known(credential)
    if (!known || !this.sweep.holds(known)) {
      return false
    }
    const reading = this.feeds.known(uri, known.identity.user.id)
    return reading?.feed.version === version && !reading.feed.isBehind && this.sweep.holds(reading.feed)
  }

  /** A message that answers nothing and names nobody was posted by this process. */
  posted(
    chat_id: number,
    user: { id: number; kind: UserKind; username: string },
    message: Pick<Event, 'version' | 'key' | 'text' | 'created_at'>,
  ) {
    this.feeds.posted(chat_id, user, message)
    this.bus.tellChat(chat_id, message.version)
  }

  /** The chat has come to that version by this process. */
  reached(chat_id: number, version: number) {
    this.feeds.reached(chat_id, version)
    this.bus.tellChat(chat_id, version)
  }

  /** Somebody is typing here. It is kept nowhere. */
  typing(chat_id: number, typist: Typist) {
    this.feeds.typing(chat_id, typist)
    this.bus.tellTyping(chat_id, typist)
  }

  /** This process deleted the chat. Others hear of it by the sweep. */
  deleted(chat_id: number) {
    this.feeds.moved(chat_id, null, 0)
  }

  /** This process ended a session or a token of the user. */
  ended(user_id: number) {
    void this.userMoved(user_id)
    this.bus.tellUser(user_id)
  }

  /** Runs the stream until it is over. */
  run(stream: Stream, after: number) {
    this.streams.add(stream)
    if (!stream.ended) {
      stream.begin(after).catch(error => {
        this.log('A stream failed', error)
        stream.drop()
      })
    }
  }

  /** Ends all streams, and asks and tells nothing more. */
  async close() {
    const told = this.presence.close()
    this.streams.close()
    this.sweep.stop()
    await told
    await this.bus.close()
  }

  /** Some session or token of the user may have ended: all are asked about anew. Resolves when the streams that must end have. */
  private async userMoved(user_id: number) {
    this.identities.forgetUser(user_id)
    await Promise.all(this.streams.ofUser(user_id).map(stream => this.review(stream)))
  }

  private async review(stream: Stream) {
    try {
      const identity = await this.identities.find(stream.reader.credential)
      if (identity) {
        stream.reader.user_version = identity.user_version
        stream.reader.endsAt = identity.endsAt
      } else {
        stream.end('gone')
      }
    } catch {
      stream.end('restart')
    }
  }
}

/** Each once, at the earliest version that is known of it. */
function earliest(known: readonly KnownVersion[]): KnownVersion[] {
  const versions = new Map<number, number>()
  for (const { id, version } of known) {
    versions.set(id, Math.min(version, versions.get(id) ?? version))
  }
  return [...versions].map(([id, version]) => ({ id, version }))
}
