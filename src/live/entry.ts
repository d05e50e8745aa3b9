import type { Event } from '../db/events.js'

/** Renders events. What it makes is the same for all readers, except that it depends on whether the reader wrote the event. */
export interface Renderer {
  json(event: Event): string
  html(event: Event, mine: boolean): string
}

/** The renderer for a chat whose members read it at that URI. */
export type RendererFor = (uri: string) => Renderer

/** One event, rendered once for each form, when the first reader of that form needs it. */
export class Entry {
  readonly event: Event
  private readonly renderer: Renderer
  private jsonText: string | undefined
  private jsonBytes: Buffer | undefined
  private own: string | undefined
  private others: string | undefined

  constructor(event: Event, renderer: Renderer) {
    this.event = event
    this.renderer = renderer
  }

  get version() {
    return this.event.version
  }

  /** The event as it looks after a later one; the same entry where the later one changes nothing of it. */
  changedBy(later: Event): Entry {
    const event = changedBy(this.event, later)
    return event === this.event ? this : new Entry(event, this.renderer)
  }

  /** About how much memory it takes, with all its renderings. */
  get bytes() {
    return 2000 + 6 * (this.event.text?.length ?? 0)
  }

  json(): string {
    this.jsonText ??= this.renderer.json(this.event)
    return this.jsonText
  }

  jsonBuffer(): Buffer {
    this.jsonBytes ??= Buffer.from(this.json())
    return this.jsonBytes
  }

  isRendered(mine: boolean): boolean {
    return (mine ? this.own : this.others) !== undefined
  }

  html(mine: boolean): string {
    if (mine) {
      this.own ??= this.renderer.html(this.event, true)
      return this.own
    }
    this.others ??= this.renderer.html(this.event, false)
    return this.others
  }
}

/** Whether the event changes how earlier ones look. */
export function changesEarlier({ kind, id, version }: Event): boolean {
  return changesName(kind) || id !== version
}

/** A deleted account leaves under another name, and a member who comes back may have another one. */
function changesName(kind: Event['kind']): boolean {
  return kind === 'named' || kind === 'left' || kind === 'joined'
}

function changedBy(event: Event, later: Event): Event {
  const {
    kind,
    id,
    author_id,
    author_username,
    author_name: name,
    author_kind,
    text,
    edited_at,
    deleted_at,
    mentions,
    reactions,
  } = later
  let changed = event
  if (changesName(kind)) {
    if (event.author_id === author_id) {
      changed = { ...changed, author_username, author_name: name, author_kind }
    }
    if (event.actor_id === author_id) {
      changed = { ...changed, actor_username: author_username, actor_name: name, actor_kind: author_kind }
    }
    if (event.reply_author_id === author_id) {
      changed = { ...changed, reply_author_name: name, reply_author_kind: author_kind }
    }
  } else if (event.id === id) {
    changed = { ...changed, text, edited_at, deleted_at, mentions, reactions }
  } else if (event.reply_to === id) {
    changed = { ...changed, reply_text: text }
  }
  return changed
}

export function entriesOf(events: readonly Event[], renderer: Renderer): readonly Entry[] {
  return events.map(event => new Entry(event, renderer))
}
