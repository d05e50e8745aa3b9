import { type RawBuilder, sql } from 'kysely'
import { compiledOnce } from './compiled.js'
import { type Db, SCOPES, type Scope } from './schema.js'
import { sessionEndsAt, sessionIsAlive } from './sessions.js'
import { tokenEndsAt, tokenIsAlive } from './tokens.js'
import { USER_COLUMNS, type User } from './users.js'

/** A session or a token, and its user. */
export interface Identity {
  hash: Buffer
  user: User
  /** The user's version when this was read. If the version is another now, one of their sessions or tokens may have ended. */
  user_version: number
  /** Null for a session. */
  token_id: number | null
  /** What it permits: a session everything. */
  scopes: readonly Scope[]
  /** The only chat that a token is for. */
  chat_id: number | null
  /** A URI that was found to be of that chat. */
  uri?: string
  /** When its next use must be written to the database, in the time of `performance.now()`. */
  staleAt: number
  /** When it expires, unless it is used before, in the time of `performance.now()`. */
  endsAt: number
}

/** How long a use that was written down stands for those after it, in seconds. Which token gives way depends on it (db/tokens.ts). */
export const SESSION_STALE = 600
export const TOKEN_STALE = 60

/** The sessions with these hashes that have not ended. */
export async function findSessions(db: Db, hashes: readonly Buffer[]): Promise<Identity[]> {
  return (await sessionsWith(db, { hashes })).map(row => toIdentity({ ...row, scopes: SCOPES }))
}

const sessionsWith = compiledOnce((db, { hashes }: { hashes: readonly Buffer[] }) =>
  db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([
      ...USER_COLUMNS,
      'users.version as user_version',
      'id_hash as hash',
      sql<null>`null`.as('token_id'),
      sql<null>`null`.as('chat_id'),
      secondsTo(staleAt('sessions', sql.lit(SESSION_STALE))).as('fresh'),
      secondsTo(sessionEndsAt).as('lasts'),
    ])
    .where('id_hash', '=', sql<Buffer>`any(${hashes})`)
    .where('users.deleted_at', 'is', null)
    .where(sessionIsAlive),
)

/** The tokens with these hashes that have not ended. */
export async function findTokens(db: Db, hashes: readonly Buffer[]): Promise<Identity[]> {
  return (await tokensWith(db, { hashes })).map(toIdentity)
}

const tokensWith = compiledOnce((db, { hashes }: { hashes: readonly Buffer[] }) =>
  db
    .selectFrom('tokens')
    .innerJoin('users', 'users.id', 'tokens.user_id')
    .select([
      ...USER_COLUMNS,
      'users.version as user_version',
      'key_hash as hash',
      'tokens.id as token_id',
      'tokens.scopes',
      'tokens.chat_id',
      secondsTo(staleAt('tokens', sql.lit(TOKEN_STALE))).as('fresh'),
      secondsTo(tokenEndsAt).as('lasts'),
    ])
    .where('key_hash', '=', sql<Buffer>`any(${hashes})`)
    .where('users.deleted_at', 'is', null)
    .where(tokenIsAlive),
)

function secondsTo(moment: RawBuilder<Date>) {
  return sql<number>`extract(epoch from ${moment} - now())::float8`
}

function staleAt(table: 'sessions' | 'tokens', seconds: RawBuilder<number>) {
  return sql<Date>`(${sql.ref(`${table}.last_used_at`)} + make_interval(secs => ${seconds}))`
}

type Row = Omit<Identity, 'user' | 'endsAt' | 'staleAt' | 'uri'> & User & { lasts: number; fresh: number }

function toIdentity({ hash, token_id, scopes, chat_id, user_version, lasts, fresh, ...user }: Row): Identity {
  const now = performance.now()
  const times = { endsAt: now + lasts * 1000, staleAt: now + fresh * 1000 }
  return { hash, token_id, scopes, chat_id, user_version, user, ...times }
}
