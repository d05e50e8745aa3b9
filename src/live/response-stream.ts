import type { ServerResponse } from 'node:http'
import type { Batch } from './batch.js'
import type { Reason } from './delivery.js'
import type { Entry } from './entry.js'
import type { Feed } from './feed.js'
import { type Reader, Stream, type StreamKind } from './stream.js'
import type { Told } from './told.js'
import type { Typing, Typist } from './typing.js'

/** How a kind of stream is written. */
export interface Format {
  kind: StreamKind
  /** Readers whose formats have the same key get the same bytes. */
  key: string
  /** Written at once, so that readers and proxies know that they are connected. `after`: the version that the stream begins after. */
  opening(after: number): string
  events(entries: readonly Entry[], user_id: number): string
  /** Renders what `events` shows of the entry, which keeps it. */
  prepare(entry: Entry, user_id: number): void
  /** Whether the stream ends with that event. */
  endsWith?(entry: Entry): boolean
  /** Shows that a member is typing, without moving the reader's cursor. A format without it does not show that. */
  typing?(typist: Typist): string
  /** What happened in all chats of the reader. Only a format for that has it. */
  told?(told: readonly Told[]): string
  /** Says that the reader's list of chats has changed. A format without it is not for pages that show one. */
  chats?: string
  /** For a reader who has everything up to that version. */
  heartbeat(version: number): string
  /** The last words. `retry`: in how many milliseconds to come back. */
  ending(reason: Reason, retry: number): string
  /** Whether all that it writes is in chunks already. */
  isChunked?: true
}

/** A response that does not end: server-sent events, or a page that grows. */
export class ResponseStream extends Stream {
  private readonly response: ServerResponse
  private readonly format: Format

  /** The headers are set already. */
  constructor(reader: Reader, feed: Feed | undefined, response: ServerResponse, format: Format, after: number) {
    super(reader, feed)
    this.response = response
    this.format = format
    // A response without chunks lasts until the connection closes: a browser does not reload a chunked frame that was cut.
    if (format.isChunked) {
      response.setHeader('Transfer-Encoding', 'chunked')
    } else {
      response.removeHeader('Transfer-Encoding')
    }
    response.setHeader('Connection', 'close')
    response.on('close', () => this.finish())
    response.flushHeaders()
    // Each write is one buffer as it is, which readers share, with its chunk around it where there are chunks.
    response.chunkedEncoding = false
    response.write(format.opening(after))
    if (response.destroyed || response.socket === null) {
      // The reader is gone already, and no 'close' will come.
      this.finish()
    }
  }

  override get kind() {
    return this.format.kind
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

  protected override get taken() {
    const { socket } = this.response
    return socket ? socket.bytesWritten - socket.writableLength : 0
  }

  protected override write(batch: Batch, written?: (error?: Error | null) => void) {
    const { key, events, endsWith } = this.format
    this.response.write(batch.buffer(key, this.user_id, events), written)
    if (endsWith && batch.entries.some(endsWith)) {
      this.response.end()
    }
  }

  protected override writeTold(told: readonly Told[], written: (error?: Error | null) => void) {
    this.response.write(Buffer.from(this.format.told?.(told) ?? ''), written)
  }

  protected override writeTyping(typing: Typing) {
    const { key, typing: make } = this.format
    if (make) {
      this.response.write(typing.buffer(key, make))
    }
  }

  protected override writeChats() {
    if (this.format.chats) {
      this.response.write(this.format.chats)
    }
  }

  protected override heartbeat() {
    this.response.write(this.format.heartbeat(this.feed?.version ?? 0))
  }

  protected override writeEnding(reason: Reason, retry: number) {
    this.response.end(this.format.ending(reason, retry))
  }
}
