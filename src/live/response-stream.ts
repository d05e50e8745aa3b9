import type { ServerResponse } from 'node:http'
import type { Typist } from './bus.js'
import type { Entry } from './entry.js'
import type { Batch, Feed, Reason, Typing } from './feed.js'
import { type Reader, Stream } from './stream.js'

/** How a kind of stream is written. Readers of the same kind share what is made. */
export interface Format {
  kind: string
  /** Written at once, so that whoever waits knows that they are connected, proxies included. */
  opening: string
  events(entries: readonly Entry[], user_id: number): string
  /** Makes what `events` shows of the entry, which keeps it. */
  prepare(entry: Entry, user_id: number): void
  /** Whether the stream ends with that event. */
  endsWith?(entry: Entry): boolean
  /** Says that somebody is typing; without it that is not said. What stands in it moves no cursor. */
  typing?(typist: Typist): string
  /** Of a reader who has seen everything up to that version; from time to time, as a sign of life. */
  beat(version: number): string
  /** The last words. `retry`: in how many milliseconds to come back. */
  farewell(reason: Reason, retry: number): string
}

/** A response that does not end: server-sent events, or a page that grows. */
export class ResponseStream extends Stream {
  private readonly response: ServerResponse
  private readonly format: Format

  /** The headers are set already. */
  constructor(reader: Reader, feed: Feed, response: ServerResponse, format: Format) {
    super(reader, feed)
    this.response = response
    this.format = format
    // Not chunked, but until the connection closes: a browser never reloads a chunked frame that was cut, and each write is one
    // buffer as it is.
    response.removeHeader('Transfer-Encoding')
    response.setHeader('Connection', 'close')
    response.on('close', () => this.over())
    response.flushHeaders()
    response.write(format.opening)
    if (response.destroyed || response.socket === null) {
      // The reader has gone already, and nothing more will be heard of it.
      this.over()
    }
  }

  override prepare(entry: Entry) {
    this.format.prepare(entry, this.user_id)
  }

  override drop() {
    this.response.destroy()
  }

  protected override get waiting() {
    return this.response.writableLength
  }

  protected override get flushed() {
    const { socket } = this.response
    return socket ? socket.bytesWritten - socket.writableLength : 0
  }

  protected override write(batch: Batch, written?: (error?: Error | null) => void) {
    const { kind, events, endsWith } = this.format
    this.response.write(batch.buffer(kind, this.user_id, events), written)
    if (endsWith && batch.entries.some(endsWith)) {
      this.response.end()
    }
  }

  protected override writeTyping(typing: Typing) {
    const { kind, typing: make } = this.format
    if (make) {
      this.response.write(typing.buffer(kind, make))
    }
  }

  protected override beat() {
    this.response.write(this.format.beat(this.feed.version))
  }

  protected override sayGoodbye(reason: Reason, retry: number) {
    this.response.end(this.format.farewell(reason, retry))
  }
}
