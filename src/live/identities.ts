import { gather } from '../db/gather.js'
import { findSessions, findTokens, type Identity } from '../db/identities.js'
import type { Db } from '../db/schema.js'
import type { KnownVersion } from '../db/versions.js'
import { keyHash } from '../keys.js'
import type { Cached } from './sweep.js'

/** In milliseconds: longer than the time between the slowest polls of a page. */
const UNUSED_FOR = 45_000
const AT_MOST = 20_000

/**
 * What says who a request is from: a session's id, or a token. Of a ticket, which is used up by then, the hash of its token is kept instead, in
 * base64url.
 */
export interface Credential {
  kind: 'session' | 'token' | 'ticket'
  key: string
}

interface CachedIdentity extends Cached {
  identity: Identity
  credential: Credential
  usedAt: number
}

/**
 * The users of sessions and tokens. What was found stays in memory as long as it is used: the sweep finds every user whose
 * version moved, and everything in memory of that user's sessions and tokens is forgotten then.
 */
export class Identities {
  private readonly known = {
    session: new Map<string, CachedIdentity>(),
    token: new Map<string, CachedIdentity>(),
    ticket: new Map<string, CachedIdentity>(),
  }
  private readonly ofUsers = new Map<number, Set<CachedIdentity>>()
  private readonly finders: Record<Credential['kind'], Find>
  /** How many times something was forgotten. */
  private forgotten = 0

  constructor(db: Db) {
    this.finders = {
      session: shared(keyHash, hashes => findSessions(db, hashes)),
      token: shared(keyHash, hashes => findTokens(db, hashes)),
      ticket: shared(
        hash => Buffer.from(hash, 'base64url'),
        hashes => findTokens(db, hashes),
      ),
    }
  }

  /** What is in memory; the caller makes sure that it is fresh. */
  cached({ kind, key }: Credential): (Cached & { identity: Identity }) | undefined {
    const entry = this.known[kind].get(key)
    const now = performance.now()
    if (!entry || entry.identity.endsAt < now) {
      return undefined
    }
    entry.usedAt = now
    return entry
  }

  /** Asks the database. Undefined once the session or token has ended. */
  async find(credential: Credential): Promise<Identity | undefined> {
    const askedAt = performance.now()
    const { forgotten } = this
    const identity = await this.finders[credential.kind](credential.key)
    // The answer to a question from before something was forgotten may be out of date.
    if (identity && forgotten === this.forgotten) {
      this.remember(credential, identity, askedAt)
    }
    return identity
  }

  /** The users in memory, each at the earliest version known. Forgets what is not used any more. */
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

  /** Forgets the user's sessions and tokens, as some may have ended. */
  forgetUser(user_id: number) {
    this.forgotten++
    for (const entry of this.ofUsers.get(user_id) ?? []) {
      this.forget(entry)
    }
  }

  /** Forgets everything. */
  clear() {
    this.forgotten++
    for (const known of Object.values(this.known)) {
      known.clear()
    }
    this.ofUsers.clear()
  }

  private remember(credential: Credential, identity: Identity, askedAt: number) {
    const known = this.known[credential.kind]
    const before = known.get(credential.key)
    if (before) {
      this.forget(before)
    } else if (known.size >= AT_MOST) {
      return
    }
    const cachedAt = performance.now()
    const entry = { identity, credential, askedAt, cachedAt, usedAt: cachedAt }
    known.set(credential.key, entry)
    const ofUser = this.ofUsers.get(identity.user.id) ?? new Set()
    this.ofUsers.set(identity.user.id, ofUser.add(entry))
  }

  private forget(entry: CachedIdentity) {
    const { identity, credential } = entry
    this.known[credential.kind].delete(credential.key)
    const ofUser = this.ofUsers.get(identity.user.id)
    ofUser?.delete(entry)
    if (ofUser?.size === 0) {
      this.ofUsers.delete(identity.user.id)
    }
  }
}

type Find = (key: string) => Promise<Identity | undefined>

/** Calls at the same time share a statement. */
function shared(hashOf: (key: string) => Buffer, findAll: (hashes: Buffer[]) => Promise<Identity[]>): Find {
  return gather(async (keys: string[]) => {
    const hashes = keys.map(hashOf)
    const found = new Map((await findAll(hashes)).map(identity => [identity.hash.toString('hex'), identity]))
    return hashes.map(hash => found.get(hash.toString('hex')))
  }, 256)
}
