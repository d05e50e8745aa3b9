import { sql } from 'kysely'
import { foldUsername } from '../text/names.js'
import { skeleton } from '../text/skeleton.js'
import { insertChat, type Joined, joinChat } from './chats.js'
import type { Db } from './schema.js'
import { beginBySubmission, type NewSession, type Submission } from './submissions.js'
import { USER_COLUMNS, type User } from './users.js'

interface NewGuest {
  name: string
  visit_hash: Buffer | null
  session: NewSession
  /** The form that they sent, if it may come twice. */
  submission: Submission | null
}

type Refused = Joined & { outcome: Exclude<Joined['outcome'], 'joined' | 'again'> }

/** Creates a guest, their session and a chat of theirs under the URI. Throws SentBefore. */
export function startAsGuest(db: Db, uri: string, guest: NewGuest): Promise<User> {
  return db.transaction().execute(async trx => {
    const user = await insertGuest(trx, guest)
    await insertChat(trx, { owner_id: user.id, uri, title: null })
    return user
  })
}

/**
 * Creates a guest with a session, who joins the chat under a name that no member of it has, nor one that looks like it. If they cannot
 * join, no guest is created. Throws SentBefore.
 */
export async function joinAsGuest(
  db: Db,
  uri: string,
  guest: NewGuest,
): Promise<{ user: User; joined: Joined } | { user: undefined; joined: Refused }> {
  try {
    return await db.transaction().execute(async trx => {
      const user = await insertGuest(trx, guest)
      const joined = await joinChat(trx, uri, user.id, true)
      if (joined.outcome !== 'joined') {
        throw new NotJoined(joined as Refused)
      }
      return { user, joined }
    })
  } catch (error) {
    if (error instanceof NotJoined) {
      return { user: undefined, joined: error.joined }
    }
    throw error
  }
}

/** Lets the account take the guest's place, and ends the guest's sessions. `settleUser` must follow for the guest. */
export async function becomeAccount(db: Db, guest_id: number, account_id: number) {
  await db
    .with('ended', ended => ended.deleteFrom('sessions').where('user_id', '=', guest_id))
    .updateTable('users')
    .set({ became: account_id, unsettled: true, version: sql`version + 1` })
    .where('id', '=', guest_id)
    .where('kind', '=', 'guest')
    .where('deleted_at', 'is', null)
    .execute()
}

async function insertGuest(trx: Db, { name, visit_hash, session, submission }: NewGuest): Promise<User> {
  const user = await trx
    .insertInto('users')
    .values({
      kind: 'guest',
      username: name,
      name,
      folded_name: foldUsername(name),
      skeleton: skeleton(name),
      visit_hash,
    })
    .returning(USER_COLUMNS)
    .executeTakeFirstOrThrow()
  await beginBySubmission(trx, { id: user.id, password_hash: null }, session, submission)
  return user
}

/** Rolls the transaction back, and with it the new guest. */
class NotJoined extends Error {
  readonly joined: Refused

  constructor(joined: Refused) {
    super(joined.outcome)
    this.joined = joined
  }
}
