import { gather } from '../db/gather.js'
import { findSessions, findTokens, type Identity } from '../db/identities.js'
import type { Db } from '../db/schema.js'
import type { KnownVersion } from '../db/versions.js'
import { keyHash } from '../keys.js'
import type { Known } from './sweep.js'

/** In milliseconds: longer than the slowest poll of a page takes to come again. */
const UNUSED_FOR = 45_000
const AT_MOST = 20_000

/** By what a request or a stream says who it is from. */
export interface Credential {
  kind: 'session' | 'token'
  key: string
}

interface Entry extends Known {
  identity: Identity
  key: string
  usedAt: number
}

/**
 * Who sends requests, by a session's id or a token's key. What was found stays in memory as long as it is used: the
 * sweep hears of every user whose version moved, and whatever is known of that user's sessions and tokens is forgotten then.
 */
export class Identities {
  private readonly sessions = new Map<string, Entry>()
  private readonly tokens = new Map<string, Entry>()
  private readonly ofUsers = new Map<number, Set<Entry>>()
  private readonly findSession: Find
  private readonly findToken: Find
  private forgotten = 0

  constructor(db: Db) {
    this.findSession = shared(hashes => findSessions(db, hashes))
    this.findToken = shared(hashes => findTokens(db, hashes))
  }

  /** What is in memory, for whoever makes sure that it still holds. */
  known({ kind, key }: Credential): (Known & { identity: Identity }) | undefined {
    const entry = this.map(kind).get(key)
    const now = performance.now()
    if (!entry || entry.identity.endsAt < now) {
      return undefined
    }
    entry.usedAt = now
    return entry
  }

  /** Asks the database. Undefined once it has ended. */
  async find({ kind, key }: Credential): Promise<Identity | undefined> {
    const askedAt = performance.now()
    const asked = this.forgotten
    const identity = await (kind === 'session' ? this.findSession : this.findToken)(key)
    // What was asked before something ended may be out of date by now.
    if (identity && asked === this.forgotten) {
      this.remember(kind, key, identity, askedAt)
    }
    return identity
  }

  /** The users of what is in memory; leaves what is not used any more. */
  versions(): KnownVersion[] {
    const now = performance.now()
    const known: KnownVersion[] = []
    for (const [id, entries] of this.ofUsers) {
      let version = Number.POSITIVE_INFINITY
      for (const entry of entries) {
        if (now - entry.usedAt > UNUSED_FOR || entry.identity.endsAt < now) {
          this.forget(entry)
        } else {
          version = Math.min(version, entry.identity.user_version)
        }
      }
      if (entries.size > 0) {
        known.push({ id, version })
      }
    }
    return known
  }

  /** What is known of the user's sessions and tokens may be out of date. */
  forgetUser(user_id: number) {
    this.forgotten++
    for (const entry of this.ofUsers.get(user_id) ?? []) {
      this.forget(entry)
    }
  }

  private map(kind: Credential['kind']) {
    return kind === 'session' ? this.sessions : this.tokens
  }

  private remember(kind: Credential['kind'], key: string, identity: Identity, askedAt: number) {
    const before = this.map(kind).get(key)
    if (before) {
      this.forget(before)
    } else if (this.map(kind).size >= AT_MOST) {
      return
    }
    const knownAt = performance.now()
    const entry = { identity, key, askedAt, knownAt, usedAt: knownAt }
    this.map(kind).set(key, entry)
    const ofUser = this.ofUsers.get(identity.user.id) ?? new Set()
    this.ofUsers.set(identity.user.id, ofUser.add(entry))
  }

  private forget(entry: Entry) {
    const { identity, key } = entry
    this.map(identity.token_id === null ? 'session' : 'token').delete(key)
    const ofUser = this.ofUsers.get(identity.user.id)
    ofUser?.delete(entry)
    if (ofUser?.size === 0) {
      this.ofUsers.delete(identity.user.id)
    }
  }
}

type Find = (key: string) => Promise<Identity | undefined>

/** Lookups at the same time share a call. */
function shared(findAll: (hashes: Buffer[]) => Promise<Identity[]>): Find {
  return gather(async (keys: string[]) => {
    const hashes = keys.map(keyHash)
    const found = new Map((await findAll(hashes)).map(identity => [identity.hash.toString('hex'), identity]))
    return hashes.map(hash => found.get(hash.toString('hex')))
  }, 256)
}
