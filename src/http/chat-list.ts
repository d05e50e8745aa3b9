import { compressedAround, joined, type Piece, stored, storedAgain } from '../live/pieces.js'
import type { Cut } from '../live/surroundings.js'
import { asKey, hashOf, remembering } from '../remembering.js'
import type { Context, Parts } from './context.js'
import { cut, filled, lengthsOf, type Own } from './cuts.js'
import { jsonInPieces } from './encodings.js'
import { frameOf } from './respond.js'
import type { ListedChat } from './view-values.js'
import type { Views } from './views.js'

/** One page of a user's chats. */
interface ChatList {
  chats: readonly ListedChat[]
  /** Where the next page begins. */
  older: string | null
  /** Whether this is the first page. */
  newest: boolean
}

/** The same with the name of what it shows, for the page that asks for it again. */
export type StampedList = ChatList & { stamp: string }

export function stamped({ chats, older, newest }: ChatList): StampedList {
  const shown = [older, newest, ...chats.map(shownOf)].join('\0')
  return { chats, older, newest, stamp: hashOf(shown).slice(0, 16) }
}

/** The start page of the user who asks. */
export function startPage(parts: Parts, ctx: Context, list: StampedList): Piece[] {
  const { views } = parts
  const frame = frameOf(parts, ctx)
  const { user, user_initial, csrf, form_key, preferences } = frame
  const { theme, text_size, enter } = preferences
  const own = {
    ...ownOf(views, list, null),
    csrf: storedAgain(csrf),
    form_key: stored(form_key),
    user_name: storedAgain(views.escape(user?.name ?? '')),
    user_initial: storedAgain(views.escape(user_initial)),
  }
  const kind = ['page', theme, text_size, enter, user?.kind, ...kindOf(list, own)]
  const page = known(kind.join(), () =>
    cut(own, ['items'], mark =>
      views.page('start/welcome.njk', {
        ...frame,
        ...marked(list, mark),
        user: user && { ...user, name: mark('user_name') },
        user_initial: mark('user_initial'),
        csrf: mark('csrf'),
        form_key: mark('form_key'),
      }),
    ),
  )
  return filled(page as Cut<keyof typeof own>, own)
}

/** The list alone. `beside`: the id of the chat that it stands beside, or null. */
export function listFragment({ views }: Parts, list: StampedList, beside: number | null): Piece[] {
  const own = ownOf(views, list, beside)
  const kind = ['list', ...kindOf(list, own)]
  const html = known(kind.join(), () =>
    cut(own, ['items'], mark => views.fragment('chats/_list.njk', marked(list, mark))),
  )
  return filled(html as Cut<keyof typeof own>, own)
}

/** What stands around the chats, for so many kinds of readers. Each kind takes about 10 kB. */
const known = remembering(500, (_kind: string, make: () => Cut): Cut => make())

/** What each request puts into the list. */
function ownOf(views: Views, { chats, stamp, older }: StampedList, beside: number | null) {
  return {
    stamp: stored(stamp),
    older: stored(older ?? ''),
    items: joined(chats.map(chat => itemOf(views, chat, chat.id === beside))),
  }
}

/** What decides how the list looks beside that, and how its pieces are compressed. */
function kindOf({ chats, older, newest }: ChatList, { items, ...between }: Own<string>) {
  return [chats.length > 0, older !== null, newest, ...lengthsOf(between)]
}

function marked({ chats, older, newest }: ChatList, mark: (name: 'stamp' | 'older' | 'items') => string) {
  return {
    chats: chats.length > 0 ? [{ html: mark('items') }] : [],
    stamp: mark('stamp'),
    older: older && mark('older'),
    newest,
  }
}

/** One chat by itself, as texts of two never share a window; its URI is stored, as who posts by a hook does not know it. */
function itemOf(views: Views, chat: ListedChat, is_open: boolean): Piece {
  return knownItem(asKey(shownOf(chat) + is_open), views, chat, is_open)
}

/**
 * Most chats of a list are as they were when it was shown last. The view takes 27 µs for each, and compressing it twice as much. A text is cut
 * after 120 graphemes, so that each takes about 2 kB.
 */
const knownItem = remembering(10_000, (_shown: string, views: Views, chat: ListedChat, is_open: boolean) =>
  compressedAround(views.fragment('chats/_chat.njk', { chat, is_open }), chat.uri),
)

/** The list in JSON. Its items are what `listedChatJson` makes of the chats. */
export function listJsonInPieces(items: readonly { uri: string }[]): Piece[] {
  return jsonInPieces('{"chats":[', items.map(itemJson), ']}')
}

function itemJson(item: { uri: string }): Piece {
  const json = JSON.stringify(item)
  return knownJson(asKey(json), json, item.uri)
}

/** The same for programs, with all of the newest message: so fewer of them are kept. */
const knownJson = remembering(2000, (_key: string, json: string, uri: string) => compressedAround(json, uri))

/** What the list of chats shows of one, as a text. */
function shownOf({
  id,
  uri,
  title,
  owner_name,
  member_count,
  last_posted_at,
  last_text,
  last_author,
  ...chat
}: ListedChat) {
  const { last_author_kind, last_message, unread, mentioned } = chat
  const numbers = [id, member_count, last_message, last_posted_at.getTime(), unread, mentioned, last_author_kind]
  // As JSON, which tells no text from the text "null".
  return JSON.stringify([...numbers, uri, title, owner_name, last_author, last_text])
}
