import { hashOf } from '../hash.js'
import { compressedAround, joined, type Piece, stored } from '../live/pieces.js'
import type { Cut } from '../live/surroundings.js'
import { asKey, remembering } from '../remembering.js'
import type { Context, Parts } from './context.js'
import { cut, filled, lengthsOf, markedFrame, type Own, ownOfFrame } from './cuts.js'
import { jsonInPieces } from './encodings.js'
import { frameOf } from './respond.js'
import type { ListedChat } from './view-values.js'
import type { Views } from './views.js'

/** One page of a user's chats. */
interface ChatList<Chat = ListedChat> {
  chats: readonly Chat[]
  /** Where the next page begins. */
  older: string | null
  /** Whether this is the first page. */
  newest: boolean
}

/** A chat, and all that the list shows of it as a text. */
interface Shown {
  chat: ListedChat
  shown: string
}

/** The same with the name of what it shows, for the page that asks for it again. */
export type StampedList = ChatList<Shown> & { stamp: string }

export function stamped({ chats, older, newest }: ChatList): StampedList {
  const shown = chats.map(shownOf)
  const stamp = hashOf(`${older}\0${newest}\0${shown.join('\0')}`).slice(0, 16)
  return { chats: chats.map((chat, place) => ({ chat, shown: shown[place] ?? '' })), older, newest, stamp }
}

/** The start page of the user who asks. */
export function startPage(parts: Parts, ctx: Context, list: StampedList): Piece[] {
  const { views } = parts
  const frame = frameOf(parts, ctx)
  const { theme, text_size, enter } = frame.preferences
  const own = { ...ownOf(views, list, null), ...ownOfFrame(views, frame) }
  const kind = ['page', theme, text_size, enter, frame.user?.kind, ...kindOf(list, own)]
  const page = known(kind.join(), () =>
    cut(own, ['items'], mark =>
      views.page('start/welcome.njk', { ...markedFrame(frame, mark), ...marked(list, mark) }),
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
    items: joined(chats.map(item => itemOf(views, item, item.chat.id === beside))),
  }
}

/** What decides how the list looks beside that, and how its pieces are compressed. */
function kindOf({ chats, older, newest }: ChatList<Shown>, { items, ...between }: Own<string>) {
  return [chats.length > 0, older !== null, newest, ...lengthsOf(between)]
}

function marked({ chats, older, newest }: ChatList<Shown>, mark: (name: 'stamp' | 'older' | 'items') => string) {
  return {
    chats: chats.length > 0 ? [{ html: mark('items') }] : [],
    stamp: mark('stamp'),
    older: older && mark('older'),
    newest,
  }
}

/** One chat by itself, as texts of two never share a window; its URI is stored, as who posts by a hook does not know it. */
function itemOf(views: Views, { chat, shown }: Shown, is_open: boolean): Piece {
  return knownItem(asKey(is_open ? `open ${shown}` : shown), views, chat, is_open)
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

/** All that the list shows of a chat, as a text. No text of the database has a zero, and which are null is said apart. */
function shownOf(chat: ListedChat): string {
  const { id, uri, title, owner_name, member_count, posted_micros, last_text, last_author, last_message } = chat
  const { last_author_kind, unread, mentioned } = chat
  const numbers = `${id} ${member_count} ${last_message} ${posted_micros} ${unread} ${mentioned} ${last_author_kind}`
  const nulls = `${title === null} ${last_text === null}`
  return `${numbers} ${nulls}\0${uri}\0${title}\0${owner_name}\0${last_author}\0${last_text}`
}
