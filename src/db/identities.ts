import { sql } from 'kysely'
import { keyHash } from '../keys.js'
import { gather } from './gather.js'
import type { Db } from './schema.js'
import { sessionIsAlive } from './sessions.js'
import { tokenIsAlive } from './tokens.js'
import { USER_COLUMNS, type User } from './users.js'

/** Who a session or a token stands for. */
export interface Identity {
  hash: Buffer
  user: User
  /** Of a token; null of a session. */
  token_id: number | null
  /** Its last use is worth writing down again. */
  stale: boolean
}

/**
 * Who sends requests, by a session's id or a token's key; undefined once it has ended. What was found holds for a
 * second, since the same browsers and programs come again and again: who is signed out elsewhere is gone a second later, and
 * who is signed out by this process at once, for it calls `forget`.
 */
export interface Identities {
  ofSession(id: string): Promise<Identity | undefined>
  ofToken(key: string): Promise<Identity | undefined>
  forget(): void
}

const HOLDS_FOR = 1000
const AT_MOST = 10_000

export function identities(db: Db): Identities {
  const sessions = remember(hashes => findSessions(db, hashes))
  const tokens = remember(hashes => findTokens(db, hashes))
  return {
    ofSession: sessions.find,
    ofToken: tokens.find,
    forget() {
      sessions.forget()
      tokens.forget()
    },
  }
}

function remember(findAll: (hashes: Buffer[]) => Promise<Identity[]>) {
  const known = new Map<string, { identity: Identity; until: number }>()
  let forgotten = 0
  // Lookups at the same time share a call.
  const share = gather(async (keys: string[]) => {
    const asked = forgotten
    const hashes = keys.map(keyHash)
    const found = new Map((await findAll(hashes)).map(identity => [identity.hash.toString('hex'), identity]))
    if (known.size > AT_MOST) {
      known.clear()
    }
    return keys.map((key, place) => {
      const identity = found.get(hashes[place]?.toString('hex') ?? '')
      // What was asked before something ended may be out of date by now.
      if (identity && asked === forgotten) {
        known.set(key, { identity, until: performance.now() + HOLDS_FOR })
      }
      return identity
    })
  }, 256)

  return {
    async find(key: string): Promise<Identity | undefined> {
      const entry = known.get(key)
      return entry && entry.until > performance.now() ? entry.identity : share(key)
    },
    forget() {
      forgotten++
      known.clear()
    },
  }
}

async function findSessions(db: Db, hashes: Buffer[]): Promise<Identity[]> {
  const rows = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([...USER_COLUMNS, 'id_hash as hash', sql<null>`null`.as('token_id'), staleness('sessions').as('stale')])
    .where('id_hash', '=', sql<Buffer>`any(${hashes})`)
    .where(sessionIsAlive)
    .execute()
  return rows.map(toIdentity)
}

async function findTokens(db: Db, hashes: Buffer[]): Promise<Identity[]> {
  const rows = await db
    .selectFrom('tokens')
    .innerJoin('users', 'users.id', 'tokens.user_id')
    .select([...USER_COLUMNS, 'key_hash as hash', 'tokens.id as token_id', staleness('tokens').as('stale')])
    .where('key_hash', '=', sql<Buffer>`any(${hashes})`)
    .where(tokenIsAlive)
    .execute()
  return rows.map(toIdentity)
}

function staleness(table: 'sessions' | 'tokens') {
  return sql<boolean>`${sql.ref(`${table}.last_used_at`)} < now() - interval '10 minutes'`
}

function toIdentity({ hash, token_id, stale, ...user }: Omit<Identity, 'user'> & User): Identity {
  return { hash, token_id, stale, user }
}
