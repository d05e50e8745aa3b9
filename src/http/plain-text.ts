import type { Chat } from '../db/chats.js'
import type { Event } from '../db/events.js'
import type { Hit } from '../db/search.js'
import { asLine } from '../text/controls.js'
import { said, withDays } from '../text/transcript.js'
import { day } from '../text/words.js'

/** What pages call a chat, in one line. */
function nameOf({ title, owner_name }: Pick<Chat, 'title' | 'owner_name'>): string {
  return asLine(title ?? `Chat started by ${owner_name}`)
}

/** A chat's last messages under its name, as text. `older`: where the earlier ones are, if there are any. */
export function chatText(chat: Chat, messages: readonly Event[], older: string | undefined): string {
  const members = `${chat.member_count} member${chat.member_count === 1 ? '' : 's'}`
  const heading = `${nameOf(chat)}\n${members}. All times are in UTC.\n`
  return heading + (older ? `Earlier messages: ${older}\n` : '') + withDays(messages, messages.map(said))
}

/** What a search has found, as text, each with the address that shows it among the other messages. */
export function foundText(found: readonly Hit[], absolute: (path: string) => string): string {
  const hits = found.map(
    hit =>
      `${nameOf(hit)}, ${day(hit.created_at)}\n${absolute(`/chats/${hit.uri}/messages/${hit.version}`)}\n${said({
        ...hit,
        kind: 'message',
        id: hit.version,
        actor_name: hit.author_name,
        actor_kind: hit.author_kind,
        deleted_at: null,
        reactions: null,
        reply_to: null,
        reply_author_name: null,
        reply_author_kind: null,
        reply_text: null,
      })}`,
  )
  return hits.length > 0 ? hits.join('\n') : 'Nothing was found.\n'
}
