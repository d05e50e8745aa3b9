import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { blockReader, type EventJson, parse, spanOf } from './events.js'
import { Broken, exchange, isOfProxy, isUnavailable, jsonFault, SILENCE } from './exchange.js'
import { type Place, Reader, Wrong } from './reader.js'
import type { Sight } from './sight.js'

/** Follows one chat in one of the ways that programs have. */
export abstract class ChatReader extends Reader {
  protected readonly sight: Sight
  protected readonly path: string

  constructor(place: Place, sight: Sight) {
    super(sight.reader, place)
    this.sight = sight
    this.path = `/api/chats/${sight.chat.uri}`
  }

  override get sights() {
    return [this.sight]
  }
}

/** By server-sent events. */
export class EventsReader extends ChatReader {
  protected override async read() {
    const take = blockReader(({ id, event, data }) => {
      if (event !== undefined && id !== undefined && event !== 'ready') {
        const span = spanOf(parse<EventJson>(data))
        if (Number(id) !== span.to) {
          throw new Wrong(`got the id ${id} with version ${span.to}`)
        }
        this.sight.take(span)
      }
    })
    const headers = { accept: 'text/event-stream', 'last-event-id': String(this.sight.cursor) }
    await this.follow(`${this.path}/live/`, headers, 'text/event-stream; charset=utf-8', take)
  }
}

/** By WebSocket. */
export class SocketReader extends ChatReader {
  protected override async read() {
    const path = `${this.path}/live/?after=${this.sight.cursor}`
    await followSocket(
      this.place,
      path,
      leave => this.whenStopped(leave),
      message => {
        if (message.event !== 'ready') {
          this.sight.take(spanOf(message))
        }
      },
    )
  }
}

/** By the list of events, which waits for new ones or is asked again and again. */
export class ListReader extends ChatReader {
  private readonly seconds: number
  private readonly agent = new Agent({ keepAlive: true })

  /** `seconds`: how long each request may wait for something new. */
  constructor(place: Place, sight: Sight, seconds: number) {
    super(place, sight)
    this.seconds = seconds
    this.whenStopped(() => this.agent.destroy())
  }

  protected override async read() {
    const { url, headers } = this.place
    const from = this.sight.cursor
    const path = `${this.path}/messages/?after=${from}${this.seconds > 0 ? `&wait=${this.seconds}` : ''}`
    const answer = await exchange(url, this.agent, { method: 'GET', path, headers })
    const list = listIn<{ messages: EventJson[]; version: number; more: boolean }>(answer)
    for (const event of list.messages) {
      this.sight.take(spanOf(event))
    }
    const last = list.messages.at(-1)?.version ?? from
    if (list.version !== last) {
      throw new Wrong(`was told the version ${list.version} with events up to ${last}`)
    }
    if (this.seconds === 0 && !list.more) {
      await wait(300)
    }
  }
}

/** Follows a WebSocket to its end. Throws Broken and Wrong. */
export async function followSocket(
  { url, headers }: Place,
  path: string,
  whenStopped: (leave: () => void) => void,
  take: (message: EventJson) => void,
): Promise<void> {
  const socket = new WebSocket(url.replace(/^http/, 'ws') + path, { headers, perMessageDeflate: false })
  whenStopped(() => socket.terminate())
  // The server sends a ping at times. Without any, or without an answer to begin with, the other side is gone.
  const silence = setTimeout(() => socket.terminate(), SILENCE)
  for (const sign of ['open', 'message', 'ping']) {
    socket.on(sign, () => silence.refresh())
  }
  await new Promise<void>((resolve, reject) => {
    socket.on('message', data => {
      try {
        take(parse(String(data)))
      } catch (error) {
        reject(error)
        socket.terminate()
      }
    })
    socket.on('unexpected-response', (_request, response) => {
      const { statusCode: status = 0, headers } = response
      socket.terminate()
      reject(
        isUnavailable({ status, headers }) || isOfProxy(response)
          ? new Broken(`was refused with ${status}`)
          : new Wrong(`was answered with ${status}`),
      )
    })
    socket.on('error', error => reject(new Broken(`was cut off (${error.message})`)))
    socket.on('close', code => {
      clearTimeout(silence)
      // 1012: come back.
      return code === 1012 ? resolve() : reject(new Broken(`was closed with ${code}`))
    })
  })
}

/** The JSON of an answer that must be a list. Throws Broken where it was refused for now, and Wrong. */
export function listIn<T>(answer: Awaited<ReturnType<typeof exchange>>): T {
  if (isUnavailable(answer)) {
    throw new Broken('was refused with 503')
  }
  const fault = answer.status === 200 ? jsonFault(answer) : `has the status ${answer.status}`
  if (fault) {
    throw new Wrong(`got an answer that ${fault}`)
  }
  return JSON.parse(answer.body)
}
