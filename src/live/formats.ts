import { cursorText } from '../db/cursors.js'
import { isAboutAnother } from '../db/events.js'
import type { Reason } from './delivery.js'
import type { Entry } from './entry.js'
import type { Format } from './response-stream.js'
import { allReady, type Position } from './told.js'
import { type Typist, typingJson } from './typing.js'

/** Server-sent events for programs: the same JSON as the list, one event each (HTML standard, section 9.2). */
export const EVENTS: Format = {
  kind: 'events',
  key: 'events',
  // With an event of its own: some clients take no notice of an id alone.
  opening: after => `retry: 2000\nid: ${after}\nevent: ready\ndata: ${ready(after)}\n\n`,
  events(entries) {
    return entries.map(entry => `id: ${entry.version}\nevent: ${entry.event.kind}\ndata: ${entry.json()}\n\n`).join('')
  },
  prepare: entry => entry.json(),
  typing,
  heartbeat: () => ':\n\n',
  ending: (reason, retry) => `event: ${endEvent(reason)}\nretry: ${retry}\ndata: ${endJson(reason)}\n\n`,
}

/** The first event for a program: a stream that is cut before the next one goes on from that version. */
export function ready(version: number): string {
  return JSON.stringify({ event: 'ready', version })
}

/** Server-sent events of all chats of a user, for programs. Its signs of life have the cursor too, which goes on while nothing happens. */
export function allEvents(position: Position): Format {
  const id = () => `id: ${cursorText(position.cursor)}\n`
  return {
    kind: 'events',
    key: 'all events',
    opening: () => `retry: 2000\n${id()}event: ready\ndata: ${allReady(position.cursor)}\n\n`,
    events: () => '',
    prepare() {},
    told: told => told.map(({ cursor, kind, json }) => `id: ${cursor}\nevent: ${kind}\ndata: ${json}\n\n`).join(''),
    heartbeat: () => `:\n${id()}\n`,
    ending: EVENTS.ending,
  }
}

function endEvent(reason: Reason) {
  return reason === 'restart' ? 'restart' : 'gone'
}

function endJson(reason: Reason) {
  return JSON.stringify(reason === 'restart' ? { event: 'restart' } : { event: 'gone', reason })
}

/** A restart makes readers wait for up to 8 s, and the browser keeps that: here it is set back. */
const OPENING = 'retry: 500\ndata:\n\n'

/** Without an id, as it is for one reader only, and says no more than that the page should ask. */
const CHATS = 'event: chats\ndata: 1\n\n'

/** Renders the tail of a page's list, which goes on from that version, for a page whose stream is open. */
type Tail = (version: number) => string

/**
 * Server-sent events for the chat's page: each replaces the tail before an event by the event and the tail after it. An event that
 * comes a second time, or too early, finds no such tail and does nothing. `sent`: the version of the tail that the page came with.
 */
export function pageFormat(uri: string, tail: Tail, sent: number): Format {
  return {
    kind: 'page',
    key: `page ${uri}`,
    // Where the stream begins after another version, an epoch has begun in between.
    opening: after => `id: ${after}\n${OPENING}${after === sent ? '' : frame(partial(`#tail-${sent}`, tail(after)))}`,
    events(entries, user_id) {
      return entries
        .map(entry => {
          const { version, event } = entry
          const mine = event.author_id === user_id
          const shown = partial(`#tail-${version - 1}`, entry.html(mine) + tail(version))
          // The answer to the reader's own POST may have been faster. Its tail polls fast, as if there were no stream.
          return `id: ${version}\n${frame(mine ? shown + slowDown(version) : shown)}`
        })
        .join('')
    },
    prepare: prepareHtml,
    typing,
    chats: CHATS,
    // The tail of a poll or of an answer polls fast. That is not needed while the stream is open.
    heartbeat: version => frame(slowDown(version)),
    ending,
  }

  function slowDown(version: number) {
    return partial(`#tail-${version}:not(.tail--slow)`, tail(version))
  }
}

/** Server-sent events for a page that follows its list of chats, and no chat. */
export const LIST: Format = {
  kind: 'list',
  key: 'list',
  opening: () => OPENING,
  events: () => '',
  prepare() {},
  chats: CHATS,
  heartbeat: () => ':\n\n',
  ending,
}

function ending(reason: Reason, retry: number) {
  return `event: ${endEvent(reason)}\nretry: ${retry}\ndata:\n\n`
}

/** Without an id: it does not move the reader's cursor, and is not sent a second time. */
function typing(typist: Typist) {
  return `event: typing\ndata: ${JSON.stringify(typingJson(typist))}\n\n`
}

/** For htmx: HTML that replaces the element that the selector finds, if it finds one. */
export function partial(target: string, html: string): string {
  return `<hx-partial hx-target="${target}" hx-swap="outerHTML">${html}</hx-partial>`
}

/** A carriage return ends a line of server-sent events too, and a chat's name may contain one: every line has to begin with `data:`. */
function frame(html: string) {
  return `data: ${html.trim().replace(/\s*[\r\n]\s*/g, '\ndata: ')}\n\n`
}

/**
 * A page that never ends, for browsers without JavaScript: each event is written after the last one. HTML that was written cannot be
 * changed: when a message changes, the page ends and is loaded again at once.
 */
export function frameFormat(opening: string): Format {
  return {
    kind: 'frame',
    key: 'frame',
    opening: () => opening,
    events(entries, user_id) {
      const end = entries.findIndex(changesMessage)
      const shown = end < 0 ? entries : entries.slice(0, end)
      const html = shown.map(entry => entry.html(entry.event.author_id === user_id)).join('')
      return end < 0 ? html : `${html}<meta http-equiv="refresh" content="0">`
    },
    prepare: prepareHtml,
    endsWith: changesMessage,
    heartbeat: () => '\n',
    // The page around it loads it again when it has ended.
    ending: () => '',
  }
}

function prepareHtml(entry: Entry, user_id: number) {
  entry.html(entry.event.author_id === user_id)
}

function changesMessage({ event }: Entry): boolean {
  return isAboutAnother(event)
}
