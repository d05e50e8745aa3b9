import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { blockReader } from './events.js'
import { Broken, exchange, isUnavailable, shorten } from './exchange.js'
import { itemsIn, tailIn } from './markup.js'
import { type Place, Reader, Wrong } from './reader.js'
import type { Item, Sight } from './sight.js'

/** Between two polls, in milliseconds. */
const POLL = 500

/** Between two loads of a frame whose page has ended. */
const RELOAD = 300

/** The headers of browsers for a page in a frame. */
const FRAMED = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }
const BY_HTMX = { 'hx-request': 'true', 'sec-fetch-site': 'same-origin' }

abstract class PageReader extends Reader {
  protected readonly sight: Sight
  protected readonly path: string

  constructor(place: Place, sight: Sight) {
    super(sight.reader, place)
    this.sight = sight
    this.path = `/chats/${sight.chat.uri}`
  }

  override get sights() {
    return [this.sight]
  }
}

/** A page that asks again and again. */
export class PollingPage extends PageReader {
  private readonly agent = new Agent({ keepAlive: true })

  protected override async read() {
    this.whenStopped(() => this.agent.destroy())
    const from = this.sight.cursor
    const headers = { ...this.place.headers, ...BY_HTMX, accept: 'text/html' }
    const path = `${this.path}/messages?after=${from}`
    const answer = await exchange(this.place.url, this.agent, { method: 'GET', path, headers })
    if (isUnavailable(answer)) {
      throw new Broken('was refused with 503')
    }
    if (answer.status === 200) {
      const to = tailIn(answer.body)
      if (answer.headers['content-type'] !== 'text/html; charset=utf-8' || to === undefined) {
        throw new Wrong(`got ${answer.headers['content-type']} without a tail: ${shorten(answer.body)}`)
      }
      this.sight.take({ from, to, items: itemsIn(answer.body).items })
    } else if (answer.status !== 204) {
      throw new Wrong(`was answered with ${answer.status}`)
    }
    await wait(POLL)
  }
}

/** A page that follows its stream. */
export class StreamedPage extends PageReader {
  protected override async read() {
    const take = blockReader(({ id, event, data }) => {
      const { items } = itemsIn(data)
      // The block that opens a stream has an id and no item.
      if (id === undefined || event !== undefined || data === '') {
        return
      }
      if (items.length !== 1) {
        throw new Wrong(`got ${items.length} items as version ${id}: ${shorten(data)}`)
      }
      this.sight.take({ from: Number(id) - 1, to: Number(id), items })
    })
    const { cursor } = this.sight
    const headers = { ...BY_HTMX, accept: 'text/html, text/event-stream', 'last-event-id': String(cursor) }
    await this.follow(`${this.path}/live?after=${cursor}`, headers, 'text/event-stream; charset=utf-8', take)
  }
}

/**
 * The page that grows, where there is no JavaScript. It knows no versions, but shows every message and aside from its first one on. When
 * one of them changes it ends, and is loaded again.
 */
export class FramedPage extends PageReader {
  /** What each page that was loaded since the last audit has shown. */
  pages: Item[][] = []

  protected override async read() {
    const page: Item[] = []
    this.pages.push(page)
    let html = ''
    let from = 0
    await this.follow(`${this.path}/live?inside`, FRAMED, 'text/html; charset=utf-8', text => {
      html += text
      const { items, end } = itemsIn(html, from)
      from = end
      page.push(...items)
      const last = items.at(-1)?.id ?? 0
      if (last > this.sight.cursor) {
        this.sight.cursor = last
        this.sight.arrived(last)
      }
    })
    await wait(RELOAD)
  }
}
