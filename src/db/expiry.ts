import { LIMITS } from '../config.js'
import { deleteSomeAbandoned } from './abandoned-chats.js'
import { deleteOldMembershipChanges } from './all-chats.js'
import { deleteSomeRows } from './deleted-chats.js'
import { deleteOldImports } from './imports.js'
import { deletePastLimits } from './limits.js'
import { deleteEndedResets } from './resets.js'
import { overdueChats, pruneOverdue } from './retention.js'
import type { Db } from './schema.js'
import { deleteEndedSessions } from './sessions.js'
import { deleteOldSubmissions } from './submissions.js'
import { deleteEndedTickets } from './tickets.js'
import { deleteEndedTokens } from './tokens.js'
import { settleUsers } from './users.js'

/** Deletes expired rows, chats that nobody needs and deleted ones, which only take space, and texts that are older than their chats keep them; and completes changes of users that were cut off. */
export async function deleteExpired(db: Db) {
  await deleteEndedSessions(db)
  await deleteEndedTokens(db)
  await deleteEndedTickets(db)
  await deleteEndedResets(db)
  await deletePastLimits(db)
  await deleteOldSubmissions(db)
  await deleteOldMembershipChanges(db)
  await deleteOldImports(db)
  await settleUsers(db)
  while (await deleteSomeAbandoned(db)) {}
  // In short statements, so that others wait only for a moment, however large a chat was.
  while (await deleteSomeRows(db, LIMITS.deletedRowsAtOnce)) {}
  for await (const { id } of overdueChats(db)) {
    for await (const _ of pruneOverdue(db, id)) {
    }
  }
}
