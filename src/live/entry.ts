import type { Event } from '../db/events.js'

/** How an event looks to those who read it. Nothing in it depends on the reader but whether they wrote it. */
export interface Renderer {
  json(event: Event): string
  html(event: Event, mine: boolean): string
}

/** One event of a feed, rendered once for each form, when the first reader of that form needs it. */
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

  html(mine: boolean): string {
    if (mine) {
      this.own ??= this.renderer.html(this.event, true)
      return this.own
    }
    this.others ??= this.renderer.html(this.event, false)
    return this.others
  }
}

export function entriesOf(events: readonly Event[], renderer: Renderer): readonly Entry[] {
  return events.map(event => new Entry(event, renderer))
}
