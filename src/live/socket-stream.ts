import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch, Feed } from './feed.js'
import { type Reader, type Reason, Stream } from './stream.js'

/** RFC 6455, section 7.4.1, and IANA's registry of close codes. */
const CLOSE_CODES: Record<Reason, number> = { gone: 1008, restart: 1012 }

/** A WebSocket: each event is a message. */
export class SocketStream extends Stream {
  private readonly socket: WebSocket
  /** What the WebSocket goes over. */
  private readonly wire: Duplex
  private answered = true
  private taken = 0

  constructor(reader: Reader, feed: Feed, socket: WebSocket, wire: Duplex) {
    super(reader, feed)
    this.socket = socket
    this.wire = wire
    socket.on('close', () => this.over())
    // What it says is said again by 'close'.
    socket.on('error', () => {})
    socket.on('pong', () => {
      this.answered = true
    })
  }

  override end(reason: Reason) {
    if (!this.ended) {
      const sentences: Record<Reason, string> = {
        gone: 'You cannot read this chat any more',
        restart: `Come back in ${1000 + Math.round(Math.random() * 7000)} ms`,
      }
      // ws itself cuts the connection of whoever does not say goodbye in turn, after 30 s.
      this.socket.close(CLOSE_CODES[reason], sentences[reason])
      this.over()
    }
  }

  override drop() {
    this.socket.terminate()
  }

  protected override get waiting() {
    return this.socket.bufferedAmount
  }

  protected override get flushed() {
    return this.taken - this.socket.bufferedAmount
  }

  protected override write(batch: Batch) {
    this.wire.cork()
    for (const entry of batch.entries) {
      const message = entry.jsonBuffer()
      this.taken += message.length
      this.socket.send(message, { binary: false })
    }
    this.wire.uncork()
  }

  /** Whoever did not answer the last sign of life is gone without a word. */
  protected override beat() {
    if (!this.answered) {
      this.drop()
      return
    }
    this.answered = false
    this.socket.ping()
  }

  protected override onceDrained(call: () => void) {
    this.socket.ping(undefined, undefined, call)
  }
}
