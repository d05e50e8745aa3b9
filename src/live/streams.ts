import type { KnownVersion } from '../db/versions.js'
import type { Reader, Stream } from './stream.js'

/** How many streams there may be at once. */
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
  /** None is let in any more. */
  closed = false
  private readonly clock: NodeJS.Timeout

  constructor(limits: StreamLimits) {
    this.limits = limits
    this.clock = setInterval(() => {
      const now = performance.now()
      for (const stream of this.all) {
        stream.look(now)
      }
    }, 1000)
  }

  get size() {
    return this.all.size
  }

  hasPlace(reader: Reader): boolean {
    return !this.closed && this.places(reader).every(([name, limit]) => this.count(name) < limit)
  }

  /** Takes a place for a stream that is about to open; returns whether there was one. `release` gives it back. */
  admit(reader: Reader): boolean {
    const admitted = this.hasPlace(reader)
    for (const [name] of admitted ? this.places(reader) : []) {
      this.counts.set(name, this.count(name) + 1)
    }
    return admitted
  }

  release(reader: Reader) {
    for (const [name] of this.places(reader)) {
      const left = this.count(name) - 1
      if (left > 0) {
        this.counts.set(name, left)
      } else {
        this.counts.delete(name)
      }
    }
  }

  /** The stream has its place already. */
  add(stream: Stream) {
    this.all.add(stream)
    const ofUser = this.ofUsers.get(stream.user_id) ?? new Set()
    this.ofUsers.set(stream.user_id, ofUser.add(stream))
    stream.whenOver(() => {
      this.all.delete(stream)
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

  /** Who reads which chat by a stream. */
  *readers() {
    for (const { feed, user_id } of this.all) {
      yield { chat_id: feed.chat_id, user_id }
    }
  }

  /** The users who read by streams, at the version at which their sessions and tokens were last found to be good. */
  versions(): KnownVersion[] {
    return [...this.all].map(({ reader }) => ({ id: reader.user_id, version: reader.user_version }))
  }

  /** Sends all readers away: they come back by and by. */
  disperse() {
    for (const stream of this.all) {
      stream.end('restart')
    }
  }

  /** The same, and takes in no others. */
  close() {
    this.closed = true
    clearInterval(this.clock)
    this.disperse()
  }

  private places({ address, user_id, credential }: Reader): [string, number][] {
    const { inAll, perAddress, perUser, perSession } = this.limits
    const places: [string, number][] = [
      ['all', inAll],
      [`address ${address}`, perAddress],
      [`user ${user_id}`, perUser],
    ]
    return credential.kind === 'session' ? [...places, [`session ${credential.key}`, perSession]] : places
  }

  private count(name: string): number {
    return this.counts.get(name) ?? 0
  }
}
