import type { Item } from './sight.js'

/** An item of a page's list, complete. A message has a list of reactions in it, so its end is known by what stands before it. */
const ITEM =
  /<li class="(?:message|aside)\b[^>]*\bid="(message|event)-(\d+)"[^>]*>([\s\S]*?)(?:message__menu"><\/div>\s*<\/div>\s*<\/li>|<time class="aside__time"[^>]*>[^<]*<\/time><\/li>)/g
const TEXT = /<div class="message__text" dir="auto">([\s\S]*?)<\/div>/
const REACTION =
  /reactions__item"><span aria-hidden="true">([^<]+)<\/span> <span class="hidden-label">[^<]*<\/span> (\d+)/g
const ENTITIES: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }

/** The items in a piece of HTML from that place on, and the place behind the last of them. */
export function itemsIn(html: string, from = 0): { items: Item[]; end: number } {
  const items: Item[] = []
  ITEM.lastIndex = from
  let end = from
  for (let found = ITEM.exec(html); found; found = ITEM.exec(html)) {
    const [all, what, id, inside = ''] = found
    end = ITEM.lastIndex
    items.push({
      id: Number(id),
      text: what === 'message' ? plain(TEXT.exec(inside)?.[1] ?? '') : null,
      deleted: all.includes('message--deleted'),
      reactions: [...inside.matchAll(REACTION)]
        .map(([, emoji, count]) => `${emoji}${count}`)
        .sort()
        .join(' '),
    })
  }
  return { items, end }
}

/** The version of the last tail in a piece of HTML. */
export function tailIn(html: string): number | undefined {
  const versions = [...html.matchAll(/<li class="tail[^"]*" id="tail-(\d+)"/g)]
  return versions.length > 0 ? Number(versions.at(-1)?.[1]) : undefined
}

function plain(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:lt|gt|quot|#39|amp);/g, entity => ENTITIES[entity] ?? entity)
    .trim()
}
