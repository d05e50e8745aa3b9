import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Entry } from './entry.js'
import type { Batch, Feed, Reason, Typing } from './feed.js'
import { typingJson } from './formats.js'
import { BYTES_WAITING, type Reader, Stream } from './stream.js'

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

  /** Answers what the reader said. Whoever says more than they hear is dropped. */
  answer(message: string) {
    if (this.waiting > BYTES_WAITING) {
      this.drop()
    } else {
      this.socket.send(message)
    }
  }

  override prepare(entry: Entry) {
    entry.jsonBuffer()
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

  protected override write({ entries }: Batch, written?: (error?: Error) => void) {
    this.wire.cork()
    for (const [place, entry] of entries.entries()) {
      const message = entry.jsonBuffer()
      this.taken += message.length
      // One that is closing takes nothing and says so to the callback alone.
      this.socket.send(message, { binary: false }, place === entries.length - 1 ? written : undefined)
    }
    this.wire.uncork()
  }

  protected override writeTyping(typing: Typing) {
    const message = typing.buffer('socket', typist => JSON.stringify({ event: 'typing', ...typingJson(typist) }))
    this.taken += message.length
    this.socket.send(message, { binary: false })
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

  protected override sayGoodbye(reason: Reason, retry: number) {
    const sentences = { gone: 'You cannot read this chat any more', restart: `Come back in ${retry} ms` }
    this.socket.close(CLOSE_CODES[reason], sentences[reason])
  }
}
