import { isAboutAnother } from '../db/events.js'
import type { Typist } from './bus.js'
import type { Entry } from './entry.js'
import type { Format } from './response-stream.js'

/** Server-sent events for programs: the same JSON as the list, one event each (HTML standard, section 9.2). */
export const EVENTS: Format = {
  kind: 'events',
  opening: 'retry: 2000\n\n',
  events(entries) {
    return entries.map(entry => `id: ${entry.version}\nevent: ${entry.event.kind}\ndata: ${entry.json()}\n\n`).join('')
  },
  prepare: entry => entry.json(),
  typing,
  beat: () => ':\n\n',
  farewell: (reason, retry) => `event: ${reason}\nretry: ${retry}\ndata: {}\n\n`,
}

/** The end of a list of messages in a page, which goes on from that version; the stream that brings it is alive. */
export type Tail = (version: number) => string

/**
 * Server-sent events for the chat's page: each puts one event, and the tail after it, in the place of the tail before it. One that
 * comes again, or too early, finds no such tail and does nothing.
 */
export function pageFormat(uri: string, tail: Tail): Format {
  return {
    kind: `page ${uri}`,
    // Whoever was sent away for longer comes back as fast as ever from now on.
    opening: 'retry: 500\ndata:\n\n',
    events(entries, user_id) {
      return entries
        .map(entry => {
          const { version, event } = entry
          const mine = event.author_id === user_id
          const shown = partial(`#tail-${version - 1}`, entry.html(mine) + tail(version))
          // The answer to what the reader sent may have been faster, with a tail that knows nothing of the stream.
          return `id: ${version}\n${frame(mine ? shown + calm(version) : shown)}`
        })
        .join('')
    },
    prepare: prepareHtml,
    typing,
    // A tail that a poll or an answer brought asks often: not while the stream lives.
    beat: version => frame(calm(version)),
    farewell: (reason, retry) => `event: ${reason}\nretry: ${retry}\ndata:\n\n`,
  }

  function calm(version: number) {
    return partial(`#tail-${version}:not(.tail--slow)`, tail(version))
  }
}

/** Without an id: it can be lost, and whoever comes back has not missed it. */
function typing(typist: Typist) {
  return `event: typing\ndata: ${JSON.stringify(typingJson(typist))}\n\n`
}

export function typingJson({ user_id, name }: Typist) {
  return { user: { id: user_id, name } }
}

/** For htmx: HTML that takes the place of what the selector finds, if it finds anything. */
export function partial(target: string, html: string): string {
  return `<hx-partial hx-target="${target}" hx-swap="outerHTML">${html}</hx-partial>`
}

/** A carriage return ends a line of a stream too, and a chat's name may have one: nothing begins a line but what is said here. */
function frame(html: string) {
  return `data: ${html.trim().replace(/\s*[\r\n]\s*/g, '\ndata: ')}\n\n`
}

/**
 * A page that never ends, for browsers without JavaScript: each event is written where the last one ended. What has been written cannot
 * be changed: where a message is changed, the page ends and is loaded again at once.
 */
export function frameFormat(opening: string): Format {
  return {
    kind: 'frame',
    opening,
    events(entries, user_id) {
      const end = entries.findIndex(rewrites)
      const shown = end < 0 ? entries : entries.slice(0, end)
      const html = shown.map(entry => entry.html(entry.event.author_id === user_id)).join('')
      return end < 0 ? html : `${html}<meta http-equiv="refresh" content="0">`
    },
    prepare: prepareHtml,
    endsWith: rewrites,
    beat: () => '\n',
    // The page around it loads it again once it has ended.
    farewell: () => '',
  }
}

function prepareHtml(entry: Entry, user_id: number) {
  entry.html(entry.event.author_id === user_id)
}

function rewrites({ event }: Entry): boolean {
  return isAboutAnother(event)
}
