import { deletePastLimits } from './limits.js'
import { deleteEndedResets } from './resets.js'
import type { Db } from './schema.js'
import { deleteEndedSessions } from './sessions.js'
import { deleteEndedTokens } from './tokens.js'

/** Deletes what has run out; nothing depends on it but space. */
export async function deleteExpired(db: Db) {
  await deleteEndedSessions(db)
  await deleteEndedTokens(db)
  await deleteEndedResets(db)
  await deletePastLimits(db)
}
