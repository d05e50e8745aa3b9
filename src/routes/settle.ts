import { settleUser, type User } from '../db/users.js'
import type { Parts } from '../http/context.js'

/**
 * Lets all chats of the user show who they are now, and gives chats whose owner is gone to others. Where this fails, what was decided
 * before still holds: the chats follow within the hour.
 */
export async function settle({ db, live, log }: Parts, user: User) {
  try {
    await settleUser(db, user.id, (chat_id, version) => live.reached(chat_id, version))
  } catch (error) {
    log.warn({ err: error, user: user.id }, 'Not all chats show yet who a user is')
  }
}
