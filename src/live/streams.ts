import type { KnownVersion } from '../db/versions.js'
import { Tally } from '../tally.js'
import { ANYONE } from './delivery.js'
import type { Ending, Reader, Stream } from './stream.js'

/** How many streams may be open at once. */
export interface StreamLimits {
  perSession: number
  perUser: number
  perAddress: number
  inAll: number
}

/** Every open stream of this process. */
export class Streams {
  private readonly all = new Set<Stream>()
  private readonly ofUsers = new Map<number, Set<Stream>>()
  private readonly counts = new Map<string, number>()
  private readonly limits: StreamLimits
  /** No stream is admitted any more. */
  closed = false
  /** Why those ended that are over. */
  readonly endings = new Tally<Ending>()
  private readonly timer: NodeJS.Timeout

  constructor(limits: StreamLimits) {
    this.limits = limits
    this.timer = setInterval(() => {
      const now = performance.now()
      for (const stream of this.all) {
        stream.check(now)
      }
    }, 1000)
  }

  get size() {
    return this.all.size
  }

  hasRoom(reader: Reader): boolean {
    return !this.closed && this.limitsOf(reader).every(([name, limit]) => this.count(name) < limit)
  }

  /** Counts a stream that is about to open; returns false where a limit is reached. `release` takes it off the count. */
  admit(reader: Reader): boolean {
    const admitted = this.hasRoom(reader)
    for (const [name] of admitted ? this.limitsOf(reader) : []) {
      this.counts.set(name, this.count(name) + 1)
    }
    return admitted
  }

  release(reader: Reader) {
    for (const [name] of this.limitsOf(reader)) {
      const left = this.count(name) - 1
      if (left > 0) {
        this.counts.set(name, left)
      } else {
        this.counts.delete(name)
      }
    }
  }

  /** Adds a stream that was admitted. */
  add(stream: Stream) {
    this.all.add(stream)
    const ofUser = this.ofUsers.get(stream.user_id) ?? new Set()
    this.ofUsers.set(stream.user_id, ofUser.add(stream))
    stream.whenOver(() => {
      this.all.delete(stream)
      this.endings.note(stream.ending)
      ofUser.delete(stream)
      if (ofUser.size === 0) {
        this.ofUsers.delete(stream.user_id)
      }
      this.release(stream.reader)
    })
    if (this.closed) {
      stream.end('restart')
    }
  }

  ofUser(user_id: number): readonly Stream[] {
    return [...(this.ofUsers.get(user_id) ?? [])]
  }

  /** The user and the chat of each stream. */
  *readers() {
    for (const { feed, user_id } of this.all) {
      if (feed && user_id !== ANYONE) {
        yield { chat_id: feed.chat_id, user_id }
      }
    }
  }

  /** The token of each stream that was opened by one. */
  *tokens() {
    for (const { reader } of this.all) {
      if (reader.token_id !== null) {
        yield reader.token_id
      }
    }
  }

  [Symbol.iterator]() {
    return this.all.values()
  }

  /** The user of each stream, at the version at which their session or token was last found to be valid. */
  versions(): KnownVersion[] {
    return [...this.all].flatMap(({ reader: { user_id: id, user_version: version } }) =>
      id === ANYONE ? [] : [{ id, version }],
    )
  }

  /** Ends all streams. Each reader is asked to come back after another time, so that they do not all come at once. */
  end() {
    for (const stream of this.all) {
      stream.end('restart')
    }
  }

  /** Ends all streams, and admits no others. */
  close() {
    this.closed = true
    clearInterval(this.timer)
    this.end()
  }

  private limitsOf({ address, user_id, credential }: Reader): [string, number][] {
    const { inAll, perAddress, perUser, perSession } = this.limits
    const limits: [string, number][] = [
      ['all', inAll],
      [`address ${address}`, perAddress],
    ]
    if (user_id !== ANYONE) {
      limits.push([`user ${user_id}`, perUser])
    }
    return credential?.kind === 'session' ? [...limits, [`session ${credential.key}`, perSession]] : limits
  }

  private count(name: string): number {
    return this.counts.get(name) ?? 0
  }
}
