import { Agent } from 'node:http'
import { blockReader, type EventJson, parse, spanOf } from './events.js'
import { exchange } from './exchange.js'
import { followSocket, listIn } from './program-readers.js'
import { type Place, Reader, Wrong } from './reader.js'
import type { Sight } from './sight.js'

type Happening = EventJson & { uri: string; cursor: string }

/** Follows all chats of a user by one cursor. */
abstract class AllChatsReader extends Reader {
  protected cursor: string
  private readonly byUri: Map<string, Sight>

  /** `cursor`: of a moment at which nothing happened in the chats of `sights`. */
  constructor(name: string, place: Place, sights: readonly Sight[], cursor: string) {
    super(name, place)
    this.cursor = cursor
    this.byUri = new Map(sights.map(sight => [sight.chat.uri, sight]))
  }

  override get sights() {
    return [...this.byUri.values()]
  }

  protected take(happening: Happening) {
    this.cursor = happening.cursor
    if (happening.event === 'gone' || happening.event === 'ready') {
      return
    }
    const sight = this.byUri.get(happening.uri)
    if (!sight) {
      throw new Wrong(`was told of a chat that is not the reader's: ${happening.uri}`)
    }
    sight.take(spanOf(happening))
  }
}

/** By server-sent events. */
export class AllEventsReader extends AllChatsReader {
  protected override async read() {
    const take = blockReader(({ id, event, data }) => {
      if (id !== undefined && event !== undefined && event !== 'ready') {
        this.take(parse(data))
      }
      this.cursor = id ?? this.cursor
    })
    const headers = { accept: 'text/event-stream', 'last-event-id': this.cursor }
    await this.follow('/api/live/', headers, 'text/event-stream; charset=utf-8', take)
  }
}

/** By WebSocket. */
export class AllSocketReader extends AllChatsReader {
  protected override async read() {
    await followSocket(
      this.place,
      `/api/live/?after=${this.cursor}`,
      leave => this.whenStopped(leave),
      message => this.take(message as Happening),
    )
  }
}

/** By the list that waits. */
export class AllListReader extends AllChatsReader {
  private readonly agent = new Agent({ keepAlive: true })

  protected override async read() {
    this.whenStopped(() => this.agent.destroy())
    const { url, headers } = this.place
    const path = `/api/events/?wait=20&limit=1000&after=${this.cursor}`
    const answer = await exchange(url, this.agent, { method: 'GET', path, headers })
    const { items, cursor } = listIn<{ items: Happening[]; cursor: string }>(answer)
    for (const item of items) {
      this.take(item)
    }
    // Also where there may be more: a list that was cut right before its end goes on with an empty one.
    this.cursor = cursor
  }
}
