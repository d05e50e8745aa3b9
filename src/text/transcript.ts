import { asLine, safeLines } from './controls.js'
import { clock, day } from './words.js'

/** What a transcript shows of an event, whose fields src/db/events.ts explains. Of a kind are the people: what is no account is marked. */
export interface Said {
  version: number
  kind: string
  actor_name: string
  actor_kind: string
  id: number
  text: string | null
  created_at: Date
  edited_at: Date | null
  deleted_at: Date | null
  reactions: Readonly<Record<string, number>> | null
  author_name: string
  author_kind: string
  reply_to: number | null
  reply_author_name: string | null
  reply_author_kind: string | null
  reply_text: string | null
}

/** What stands under a time is indented by its length, so that no text of a message can look like the next message. */
const INDENT = ' '.repeat(6)

/** An answer shows the beginning of what it answers. */
const QUOTED = 120

/**
 * An event as a person would write it down, with a line end behind it. Nothing in it steers a terminal, and nothing that its author wrote
 * stands before the first colon.
 */
export function said(event: Said): string {
  const time = clock(event.created_at).replace(' UTC', '')
  const name = named(event.author_name, event.author_kind)
  if (event.id !== event.version) {
    return block(`${INDENT}* `, changed(event, `${name}’s message of ${time}`))
  }
  if (event.kind !== 'message') {
    return block(`${time} * `, aside(event, name))
  }
  if (event.deleted_at) {
    return `${time} * a message of ${name} was deleted\n`
  }
  const notes = [
    ...(event.edited_at ? ['edited'] : []),
    ...Object.entries(event.reactions ?? {}).map(([emoji, count]) => `${asLine(emoji)} ${count}`),
  ]
  const marks = notes.length > 0 ? ` (${notes.join(', ')})` : ''
  const text = safeLines(event.text ?? '')
  if (event.reply_to === null) {
    return `${time} ${name}${marks}: ${text.join(`\n${INDENT}`)}\n`
  }
  const { reply_author_name: replied, reply_author_kind: kind } = event
  const answered = replied === null || kind === null ? 'somebody' : named(replied, kind)
  const lines = [`> ${event.reply_text === null ? '(deleted)' : beginning(event.reply_text)}`, ...text]
  return `${time} ${name}${marks} answers ${answered}:\n${lines.map(line => `${INDENT}${line}\n`).join('')}`
}

/** The texts that `said` made of these events, with a line above each that begins another day (UTC). */
export function withDays(events: readonly Said[], texts: readonly string[]): string {
  let last = ''
  return events
    .map((event, n) => {
      // What is known of a change has the time of the message that it changes.
      const today = event.id === event.version ? day(event.created_at) : last
      const line = today === last ? '' : dayLine(event.created_at)
      last = today
      return line + texts[n]
    })
    .join('')
}

/** The line above the events of a day. */
export function dayLine(time: Date): string {
  return `\n— ${day(time)} —\n\n`
}

const ASIDES: Readonly<Record<string, string>> = {
  joined: 'joined',
  left: 'left',
  removed: 'was removed',
  named: 'has a new name',
  changed: 'changed the chat’s settings',
  owner: 'is the owner now',
}

function aside({ kind, text }: Said, name: string): string {
  return kind === 'renamed' ? `${name} named the chat: ${asLine(text ?? '')}` : `${name} ${ASIDES[kind] ?? kind}`
}

function named(name: string, kind: string): string {
  return asLine(name) + (kind === 'account' ? '' : ` (${kind})`)
}

function changed({ kind, actor_name, actor_kind, text, deleted_at }: Said, message: string): string {
  const actor = named(actor_name, actor_kind)
  if (kind === 'reacted') {
    return `${actor} reacted to ${message}`
  }
  return kind === 'deleted' || deleted_at ? `${actor} deleted ${message}` : `${actor} edited ${message}: ${text ?? ''}`
}

function block(first: string, text: string): string {
  return `${first}${safeLines(text).join(`\n${' '.repeat(first.length)}`)}\n`
}

function beginning(text: string): string {
  const line = [...asLine(text)]
  return line.length > QUOTED ? `${line.slice(0, QUOTED).join('')}…` : line.join('')
}
