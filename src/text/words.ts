import { graphemes } from './graphemes.js'

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ESCAPES[character] ?? '')
}

/** The text that `escapeHtml` has escaped. */
export function unescapeHtml(html: string): string {
  return html.replace(/&(?:amp|lt|gt|quot|#39|#10);/g, reference => CHARACTERS[reference] ?? '')
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** &#10; is a line end in code: src/text/markdown.ts. */
const CHARACTERS: Record<string, string> = {
  ...Object.fromEntries(Object.entries(ESCAPES).map(([character, reference]) => [reference, character])),
  '&#10;': '\n',
}

/** The first grapheme of a name, in upper case. */
export function initial(name: string): string {
  // A letter of ASCII before another is alone. To look for what belongs to a letter takes a twentieth of a whole page.
  if (/^[\x20-\x7e](?:[\x20-\x7e]|$)/.test(name)) {
    return name.charAt(0).toUpperCase()
  }
  for (const { segment } of graphemes.segment(name)) {
    return segment.toUpperCase()
  }
  return ''
}

/** The most that a chat shows of a message before somebody unfolds it, in UTF-16 units and in lines. */
const LONG = { length: 1200, lines: 20 }

/** Whether a chat shows a message folded at first. By its text alone, as all readers get the same HTML. */
export function isLong(text: string): boolean {
  return text.length > LONG.length || text.split('\n').length > LONG.lines
}

/** A count, or 99+. */
export function counted(count: number): string {
  return count > 99 ? '99+' : String(count)
}

/** The user's avatar colour: 0 to 7. */
export function avatarColour(user_id: number): number {
  return user_id % 8
}

/** The time of day, in UTC: the script puts the reader's own in its place. */
export function clock(date: Date): string {
  return `${date.toISOString().slice(11, 16)} UTC`
}

/** The date in UTC, as short as can be: the script puts the reader's own in its place, or the time where that is today. */
export function shortDate(date: Date): string {
  return DATE.format(date)
}

/** The same with the time of day. */
export function moment(date: Date): string {
  return `${shortDate(date)}, ${clock(date)}`
}

/** The date in UTC, in words. */
export function day(date: Date): string {
  return DAY.format(date)
}

const DAY = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
})

const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
