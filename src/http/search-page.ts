import type { Chat } from '../db/chats.js'
import { compressed, compressedAround, joined, stored, storedAgain } from '../live/pieces.js'
import { asKey, remembering } from '../remembering.js'
import { mapInSlices } from '../slices.js'
import type { Context, Parts } from './context.js'
import { cut, filled, markedFrame, ownOfFrame } from './cuts.js'
import { jsonInPieces, showPieces } from './encodings.js'
import { hitJson } from './json.js'
import { frameOf } from './respond.js'
import type { FoundHit } from './view-values.js'

/** What one page of a search has found. */
export interface Found {
  /** Whether there was a word to look for. */
  searched: boolean
  found: readonly FoundHit[]
  /** The query string of the next page. */
  older: string | null
  newest: boolean
}

interface Values {
  /** Null where all chats are searched. */
  chat: Chat | null
  path: string
  q: string
  sentence: string
  results: Found | null
}

/** Answers with the form, and with what was found or the reason why the search was refused. What was typed is stored, each hit compressed by itself. */
export async function showSearch(parts: Parts, ctx: Context, { chat, path, q, sentence, results }: Values) {
  const { views } = parts
  const frame = frameOf(parts, ctx)
  const typed = (text: string) => stored(views.escape(text))
  const items = await mapInSlices(results?.found ?? [], hit =>
    compressedAround(
      views.fragment('search/_result.njk', { hit, me: frame.user?.id ?? 0, names_chat: chat === null }),
      hit.uri,
    ),
  )
  const own = {
    ...ownOfFrame(views, frame),
    path: storedAgain(path),
    uri: storedAgain(chat?.uri ?? ''),
    current_uri: storedAgain(chat?.current_uri ?? ''),
    'q=': typed(q),
    // What a view makes of the mark where it writes the query into an address.
    'q%3D': typed(encodeURIComponent(q)),
    older: typed(results?.older ?? ''),
    items: joined(items),
  }
  const page = cut(
    own,
    ['path', 'q=', 'q%3D', 'older', 'items'],
    mark =>
      views.page('search/show.njk', {
        ...markedFrame(frame, mark),
        chat: chat && { ...chat, uri: mark('uri'), current_uri: mark('current_uri') },
        path: mark('path'),
        q: q && mark('q='),
        sentence,
        results: results && {
          ...results,
          older: results.older && mark('older'),
          count: items.length,
          items: items.length > 0 ? [{ html: mark('items') }] : [],
        },
      }),
    (text, before) => compressedOnce(asKey(`${before.length} ${before}${text}`), text, before),
  )
  showPieces(ctx, filled(page, own))
}

/** What stands around the hits is the same in most searches. */
const compressedOnce = remembering(500, (_key: string, text: string, before: string) => compressed(text, before))

/** The list of hits in JSON. */
export async function hitsInPieces(hits: readonly FoundHit[], more: boolean) {
  const items = await mapInSlices(hits, hit => compressedAround(JSON.stringify(hitJson(hit)), hit.uri))
  return jsonInPieces('{"messages":[', items, `],"more":${more}}`)
}
