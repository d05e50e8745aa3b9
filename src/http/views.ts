import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'
import type { Event } from '../db/events.js'
import { isEmojiAlone } from '../text/emoji.js'
import { messageHtml } from '../text/markdown.js'
import type { Mentions } from '../text/mentions.js'
import { preview } from '../text/preview.js'
import { REACTIONS } from '../text/reactions.js'
import { avatarColour, clock, counted, day, initial, isLong, moment, shortDate } from '../text/words.js'
import { browserName } from './browsers.js'
import { pageWords } from './page-words.js'
import type { FragmentValues, FrameValues, Item, PageValues } from './view-values.js'

export interface Views {
  page<V extends keyof PageValues>(view: V, values: PageValues[V] & FrameValues): string
  fragment<V extends keyof FragmentValues>(view: V, values: FragmentValues[V]): string
  /** A text as views write it. */
  escape(text: string): string
}

/**
 * The templates in views/. All are compiled at the start: a fault in one shows then, and a file that changes later has no effect.
 * `frameRefresh`: after how many seconds a page loads its messages again where there is no JavaScript and their stream is over; longer than
 * a restart.
 */
export function loadViews(frameRefresh = 10): Views {
  const folder = fileURLToPath(new URL('../../../views', import.meta.url))
  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(folder), {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  // Safe: our own markup around escaped text.
  environment.addFilter(
    'messageHtml',
    (text: string, mentions: Mentions | null) => new nunjucks.runtime.SafeString(messageHtml(text, mentions)),
  )
  // Each is one path on a grid of 24. The script draws some of them too.
  environment.addGlobal('icons', JSON.parse(readFileSync(path.join(folder, '../static/app/icons.json'), 'utf8')))
  environment.addGlobal('frameRefresh', frameRefresh)
  environment.addFilter('rendered', renderedFor)
  environment.addFilter('until', until)
  environment.addFilter('since', since)
  environment.addFilter('emojiName', (emoji: string) => REACTIONS[emoji] ?? emoji)
  environment.addFilter('browserName', browserName)
  environment.addFilter('pageWords', pageWords)
  environment.addFilter('isEmojiAlone', isEmojiAlone)
  environment.addFilter('isLong', isLong)
  environment.addFilter('initial', initial)
  environment.addFilter('avatarColour', avatarColour)
  environment.addFilter('preview', preview)
  environment.addFilter('counted', counted)
  environment.addFilter('clock', clock)
  environment.addFilter('day', day)
  environment.addFilter('date', shortDate)
  environment.addFilter('moment', moment)
  environment.addFilter('continues', continues)
  environment.addFilter('iso', (date: Date) => date.toISOString())
  environment.addFilter('htmlOfItems', htmlOfItems)
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (String(entry).endsWith('.njk')) {
      environment.getTemplate(String(entry), true)
    }
  }
  const render = (view: string, values: object) => environment.render(view, values)
  const escaped = environment.getFilter('escape')
  return { page: render, fragment: render, escape: text => String(escaped(text)) }
}

/** The HTML of items that were rendered before. Safe: each was, by a template. */
function htmlOfItems(items: readonly Item[]) {
  return new nunjucks.runtime.SafeString(items.map(({ html }) => html).join(''))
}

/** Whether a message needs no author's name, because the one above it is by the same author and less than five minutes older. */
function continues(event: Event): boolean {
  return (
    event.previous_kind === 'message' &&
    event.previous_author_id === event.author_id &&
    event.previous_created_at !== null &&
    event.created_at.getTime() - event.previous_created_at.getTime() < 300_000 &&
    day(event.created_at) === day(event.previous_created_at)
  )
}

/** The HTML of a feed's entries as one reader sees them. Safe: each entry was rendered by a template. */
function renderedFor(entries: readonly Rendered[], reader_id: number) {
  return new nunjucks.runtime.SafeString(entries.map(entry => entry.html(entry.event.author_id === reader_id)).join(''))
}

/** The entries before a version; all of them where there is none. */
function until(entries: readonly Rendered[], version: number | null) {
  return entries.filter(entry => version === null || entry.version < version)
}

/** The entries from a version on; none where there is none. */
function since(entries: readonly Rendered[], version: number | null) {
  return entries.filter(entry => version !== null && entry.version >= version)
}

interface Rendered {
  version: number
  event: { author_id: number }
  html(mine: boolean): string
}
