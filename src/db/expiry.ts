import { LIMITS } from '../config.js'
import { deleteSomeRows } from './deleted-chats.js'
import { deletePastLimits } from './limits.js'
import { deleteEndedResets } from './resets.js'
import type { Db } from './schema.js'
import { deleteEndedSessions } from './sessions.js'
import { deleteEndedTokens } from './tokens.js'
import { settleUsers } from './users.js'

/** Deletes what has run out, on which nothing depends but space, and ends what was begun with users. */
export async function deleteExpired(db: Db) {
  await deleteEndedSessions(db)
  await deleteEndedTokens(db)
  await deleteEndedResets(db)
  await deletePastLimits(db)
  await settleUsers(db)
  // In statements that are short, so that nobody waits for one, however large a chat was.
  while (await deleteSomeRows(db, LIMITS.deletedRowsAtOnce)) {}
}
