import { foldUsername } from '../text/names.js'
import { type Joined, joinChat } from './chats.js'
import type { Db } from './schema.js'
import { USER_COLUMNS, type User } from './users.js'

type Refused = Joined & { outcome: Exclude<Joined['outcome'], 'joined' | 'again'> }

/** Creates a guest who joins the chat under a name that no member of it has. If they cannot join, no guest is created. */
export async function createGuest(
  db: Db,
  uri: string,
  { name, visit_hash }: { name: string; visit_hash: Buffer | null },
): Promise<{ user: User; joined: Joined } | { user: undefined; joined: Refused }> {
  const folded_name = foldUsername(name)
  try {
    return await db.transaction().execute(async trx => {
      const user = await trx
        .insertInto('users')
        .values({ kind: 'guest', username: name, name, folded_name, visit_hash })
        .returning(USER_COLUMNS)
        .executeTakeFirstOrThrow()
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

/** Rolls the transaction back, and with it the new guest. */
class NotJoined extends Error {
  readonly joined: Refused

  constructor(joined: Refused) {
    super(joined.outcome)
    this.joined = joined
  }
}
