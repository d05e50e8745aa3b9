import { type Event, isAboutAnother } from '../db/events.js'
import { asLine } from '../text/controls.js'
import { messageHtml } from '../text/markdown.js'
import { dayLine, said } from '../text/transcript.js'
import { day, escapeHtml } from '../text/words.js'
import { eventJson } from './json.js'

/** The chat that is exported, and which part of it. */
export interface Exported {
  title: string | null
  /** What pages call it. */
  name: string
  owner: { id: number; username: string; name: string }
  created_at: Date
  /** The versions after `after` are exported, up to `until`. */
  after: number
  until: number
}

/** How an export ended: with all, or because its reader may not read on. */
export type Ended = { events: number; changed: number } | { gone: string }

/** Writes one export. Each function returns the next piece of its text. */
interface Writer {
  opening(): string
  event(event: Event): string
  /** A message that was changed while it was exported, as it is now. */
  changed?(event: Event): string
  ending(ended: Ended): string
}

interface Format {
  type: string
  /** What people call it. */
  words: string
  /** Whether it can be taken in several parts, which are put one behind the other. */
  hasParts: boolean
  writer(exported: Exported): Writer
}

export type FormatName = 'ndjson' | 'json' | 'txt' | 'csv' | 'html'

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  html: { type: 'text/html', words: 'A page to read, in one file', hasParts: false, writer: htmlWriter },
  txt: { type: 'text/plain', words: 'Plain text', hasParts: true, writer: textWriter },
  csv: { type: 'text/csv', words: 'A table (CSV), for spreadsheets', hasParts: true, writer: csvWriter },
  ndjson: {
    type: 'application/x-ndjson',
    words: 'For programs, and to import it (NDJSON)',
    hasParts: true,
    writer: linesWriter,
  },
  json: { type: 'application/json', words: 'The same as one JSON document', hasParts: false, writer: jsonWriter },
}

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[]

/** An event for programs. Its HTML is left out, which can be made of its text, and so are the fields of users that are always empty. */
function lineOf(event: Event) {
  const { html: _html, user, ...rest } = eventJson(event)
  const { email: _email, first_name: _first, last_name: _last, ...shown } = user
  return { ...rest, user: shown }
}

/** The first line has no link to the chat: who gets the file must not be able to join by it. */
function headOf({ title, owner, created_at, after, until }: Exported) {
  return { event: 'export', format: 1, title, owner, created_at, exported_at: new Date(), after, version: until }
}

function linesWriter(exported: Exported): Writer {
  const line = (value: object) => `${JSON.stringify(value)}\n`
  return {
    opening: () => line(headOf(exported)),
    event: event => line(lineOf(event)),
    changed: event => line({ ...lineOf(event), event: 'changed' }),
    ending: ended =>
      line(
        'gone' in ended ? { event: 'gone', reason: ended.gone } : { event: 'end', version: exported.until, ...ended },
      ),
  }
}

function jsonWriter(exported: Exported): Writer {
  let joint = ''
  return {
    opening: () => `${JSON.stringify(headOf(exported)).slice(0, -1)},"events":[\n`,
    event(event) {
      const text = joint + JSON.stringify(lineOf(event))
      joint = ',\n'
      return text
    },
    ending: ended => `\n],${JSON.stringify('gone' in ended ? { gone: ended.gone } : { end: ended.events }).slice(1)}\n`,
  }
}

function textWriter({ name, after }: Exported): Writer {
  let last = ''
  return {
    opening: () => (after > 0 ? '' : `${asLine(name)}\nAll times are in UTC.\n`),
    event(event) {
      // A message is shown as it is now: its changes add nothing.
      if (isAboutAnother(event)) {
        return ''
      }
      const today = day(event.created_at)
      const line = today === last ? '' : dayLine(event.created_at)
      last = today
      return line + said(event)
    },
    ending: ended => ('gone' in ended ? `\n— ${goneWords(ended.gone)} —\n` : ''),
  }
}

const COLUMNS = [
  'id',
  'version',
  'event',
  'created_at',
  'user_id',
  'username',
  'name',
  'kind',
  'message',
  'reply_to',
  'edited_at',
  'deleted_at',
  'reactions',
]

/** RFC 4180. A byte order mark at its beginning tells spreadsheets that it is UTF-8. */
function csvWriter({ after }: Exported): Writer {
  const row = (cells: readonly (string | number | Date | null)[]) => `${cells.map(cell).join()}\r\n`
  return {
    opening: () => (after > 0 ? '' : `\ufeff${row(COLUMNS)}`),
    event(event) {
      const changes = isAboutAnother(event)
      return row([
        event.id,
        event.version,
        event.kind,
        changes ? null : event.created_at,
        changes ? event.actor_id : event.author_id,
        changes ? event.actor_username : event.author_username,
        changes ? event.actor_name : event.author_name,
        changes ? event.actor_kind : event.author_kind,
        changes ? null : event.text,
        changes ? null : event.reply_to,
        changes ? null : event.edited_at,
        changes ? null : event.deleted_at,
        changes ? null : reactionsOf(event),
      ])
    },
    ending: ended =>
      'gone' in ended ? row(COLUMNS.map(name => (name === 'event' ? `gone: ${ended.gone}` : null))) : '',
  }
}

/**
 * What a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises ("CSV Injection"): it could send what stands in other
 * cells elsewhere. The wide signs count as the narrow ones in some.
 */
function cell(value: string | number | Date | null): string {
  if (typeof value !== 'string') {
    return value instanceof Date ? value.toISOString() : String(value ?? '')
  }
  const safe = /^[\s\u200b-\u200f\ufeff]*[=+\-@＝＋－＠]|^[\t\r\n]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function reactionsOf({ reactions }: Event): string {
  return Object.entries(reactions ?? {})
    .map(([emoji, count]) => `${emoji} ${count}`)
    .join(' ')
}

const STYLE = `:root{color-scheme:light dark}
body{max-width:42rem;margin:2rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h2{margin:2rem 0 1rem;font-size:1rem;text-align:center}
article{margin:0 0 1rem}
article>p{margin:0;font-size:.875rem}
blockquote{margin:.25rem 0;padding-left:.75rem;border-left:3px solid;opacity:.8}
pre{overflow:auto}
small,time{opacity:.7}
div>:first-child{margin-top:0}
div>:last-child{margin-bottom:0}`

/** It loads nothing, and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

function htmlWriter({ name, until }: Exported): Writer {
  let last = ''
  return {
    opening: () => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(asLine(name))}</title>
<style>${STYLE}</style>
</head>
<body>
<h1><bdi>${escapeHtml(asLine(name))}</bdi></h1>
<p>All times are in UTC.</p>
`,
    event(event) {
      if (isAboutAnother(event)) {
        return ''
      }
      const today = day(event.created_at)
      const heading = today === last ? '' : `<h2>${today}</h2>\n`
      last = today
      return (
        heading +
        (event.kind === 'message' ? article(event) : `<p><small>${escapeHtml(said(event).trim())}</small></p>\n`)
      )
    },
    ending: ended =>
      `${'gone' in ended ? `<p><strong>${goneWords(ended.gone)}</strong></p>\n` : `<p><small>Up to version ${until}.</small></p>\n`}</body>\n</html>\n`,
  }
}

function article(event: Event): string {
  const { id, author_name, author_kind, created_at, edited_at, deleted_at, reply_to, reply_text, reply_author_kind } =
    event
  const time = created_at.toISOString()
  const notes = [author_kind === 'account' ? '' : author_kind, edited_at ? 'edited' : '', reactionsOf(event)]
    .filter(Boolean)
    .join(', ')
  const quoted = reply_text === null ? 'Deleted' : asLine(reply_text).slice(0, 120)
  const reply =
    reply_to === null || deleted_at
      ? ''
      : `<blockquote><a href="#m${reply_to}"><bdi>${escapeHtml(event.reply_author_name ?? '')}</bdi></a>${reply_author_kind === 'account' ? '' : ` <small>${reply_author_kind}</small>`} <bdi>${escapeHtml(quoted.toWellFormed())}</bdi></blockquote>\n`
  const text = deleted_at ? '<p><small>Deleted</small></p>' : messageHtml(event.text ?? '', event.mentions)
  return `<article id="m${id}">
<p><strong><bdi>${escapeHtml(author_name)}</bdi></strong> <time datetime="${time}">${time.slice(11, 16)}</time>${notes ? ` <small>${escapeHtml(notes)}</small>` : ''}</p>
${reply}<div dir="auto">${text}</div>
</article>
`
}

const GONE: Readonly<Record<string, string>> = {
  left: 'This export is not complete: you have left the chat.',
  removed: 'This export is not complete: you were removed from the chat.',
  deleted: 'This export is not complete: the chat was deleted.',
  signed_out: 'This export is not complete: you were signed out.',
  restart: 'This export is not complete: the server was restarted.',
}

function goneWords(reason: string): string {
  return GONE[reason] ?? ''
}
