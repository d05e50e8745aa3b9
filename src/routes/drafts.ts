import { findChat, URI } from '../db/chats.js'
import type { User } from '../db/users.js'
import type { Parts, RouteContext } from '../http/context.js'
import { draftSeal, sameKey } from '../keys.js'
import { showChat } from './chat-page.js'
import { chatPath } from './scope.js'

const CHAT_PAGE = new RegExp(`^${chatPath(`(${URI})`)}$`)

/**
 * Shows the chat with a text in its composer that was typed there before the session ended. Returns false, and shows nothing, unless the
 * user is the one who typed it. The text came along in the login form. It is stored nowhere, and never posted by itself.
 */
export async function showDraft(
  parts: Parts,
  ctx: RouteContext,
  user: User,
  { draft, draft_of, reply_to, next }: { draft: string; draft_of: string; reply_to?: number | undefined; next: string },
): Promise<boolean> {
  const [, uri] = CHAT_PAGE.exec(next) ?? []
  if (!uri || draft === '' || !sameKey(draft_of, draftSeal(parts.secret, uri, user.id))) {
    return false
  }
  const askedAt = performance.now()
  const chat = await findChat(parts.db, uri, user.id)
  if (!chat || chat.member_name === null) {
    return false
  }
  await showChat(parts, ctx, { ...chat, askedAt }, user, {
    text: draft,
    key: null,
    reply_to,
    sentence: 'You had been signed out: this message was not sent. Send it now.',
  })
  return true
}
