import { sql } from 'kysely'
import { LIMITS } from '../config.js'
import type { Db } from './schema.js'
import { createSession, sessionIsAlive } from './sessions.js'
import { USER_COLUMNS, type User, type Verified } from './users.js'

/** A form that a browser may send twice, and where it leads. */
export interface Submission {
  /** Of the form's key and address, and of who sent it: the same where the form comes again. */
  hash: Buffer
  /** The id of the session that the form begins is made from it. */
  seed: string
  /** The path that the answer leads to. */
  path: string
}

/** The session that a form begins. */
export interface NewSession {
  id_hash: Buffer
  /** The browser's User-Agent. */
  agent: string
}

/** The same form was sent before, less than LIMITS.submissionMinutes ago. `findSubmission` says what came of it. */
class SentBefore extends Error {}

const isRecent = sql<boolean>`submissions.created_at > now() - ${sql.lit(`${LIMITS.submissionMinutes} minutes`)}::interval`

/**
 * Stores in the transaction of what the form does that it was sent. A request with the same form that runs at the same time waits here for
 * the end of that transaction. Throws SentBefore.
 */
export async function storeSubmission(
  trx: Db,
  { hash, seed, path }: Submission,
  session_hash: Buffer | null,
): Promise<void> {
  const stored = await trx
    .insertInto('submissions')
    .values({ hash, seed, path, session_hash })
    .onConflict(conflict =>
      conflict
        .column('hash')
        .doUpdateSet({ seed, path, session_hash, created_at: sql`now()` })
        .where(sql<boolean>`not (${isRecent})`),
    )
    .executeTakeFirst()
  if (!stored.numInsertedOrUpdatedRows) {
    throw new SentBefore('This form was sent before.')
  }
}

/** Begins the user's session and stores the form that begins it, if there is one, in the transaction of what the form does. Throws SentBefore. */
export async function beginBySubmission(
  trx: Db,
  verified: Verified,
  { id_hash, agent }: NewSession,
  submission: Submission | null,
) {
  await createSession(trx, id_hash, verified, agent)
  if (submission) {
    await storeSubmission(trx, submission, id_hash)
  }
}

/** What came of the form with that hash: where it leads, and the user whose session it began. Undefined where that session has ended. */
export async function findSubmission(
  db: Db,
  hash: Buffer,
): Promise<{ seed: string; path: string; user: User | null } | undefined> {
  const found = await db
    .selectFrom('submissions')
    .leftJoin('sessions', 'sessions.id_hash', 'submissions.session_hash')
    .leftJoin('users', 'users.id', 'sessions.user_id')
    .select(['seed', 'path', 'session_hash', ...USER_COLUMNS])
    .where('hash', '=', hash)
    .where(isRecent)
    .where(where => where.or([where('session_hash', 'is', null), sessionIsAlive]))
    .executeTakeFirst()
  if (!found) {
    return undefined
  }
  const { seed, path, session_hash, ...user } = found
  return { seed, path, user: session_hash === null ? null : (user as User) }
}

export async function deleteOldSubmissions(db: Db) {
  await db.deleteFrom('submissions').where(sql<boolean>`not (${isRecent})`).execute()
}
