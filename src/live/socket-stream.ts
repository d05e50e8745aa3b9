import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Batch } from './batch.js'
import type { Reason } from './delivery.js'
import type { Entry } from './entry.js'
import type { Feed } from './feed.js'
import { BYTES_WAITING, type Reader, Stream } from './stream.js'
import type { Told } from './told.js'
import { type Typing, typingJson } from './typing.js'

/** RFC 6455, section 7.4.1, and IANA's registry of close codes. */
const [POLICY_VIOLATION, SERVICE_RESTART] = [1008, 1012]

export const SENTENCES: Readonly<Record<Exclude<Reason, 'restart'>, string>> = {
  left: 'You have left this chat',
  removed: 'You were removed from this chat',
  signed_out: 'Your session or token has ended',
  deleted: 'This chat was deleted',
}

/** A WebSocket: each event is a message. */
export class SocketStream extends Stream {
  readonly kind = 'socket'
  /** What is said at the end, by its reason. */
  protected readonly sentences: typeof SENTENCES = SENTENCES
  private readonly socket: WebSocket
  /** The connection under the WebSocket. */
  private readonly wire: Duplex
  /** Whether the last ping was answered. */
  private answered = true
  private written = 0

  /** `opening`: the first message, if there is one. */
  constructor(reader: Reader, feed: Feed | undefined, socket: WebSocket, wire: Duplex, opening?: string) {
    super(reader, feed)
    this.socket = socket
    this.wire = wire
    socket.on('close', () => this.finish())
    // 'close' follows each error.
    socket.on('error', () => {})
    socket.on('pong', () => {
      this.answered = true
    })
    if (opening !== undefined) {
      this.send(opening)
    }
  }

  /** Answers a message of the reader. A reader who sends without taking in the answers is dropped. */
  answer(message: string) {
    if (this.waiting > BYTES_WAITING) {
      this.dropSlow()
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

  protected override get taken() {
    return this.written - this.socket.bufferedAmount
  }

  protected override write({ entries }: Batch, written?: (error?: Error) => void) {
    this.sendAll(
      entries.map(entry => entry.jsonBuffer()),
      written,
    )
  }

  protected override writeTold(told: readonly Told[], written: (error?: Error) => void) {
    this.sendAll(
      told.map(({ json }) => Buffer.from(json)),
      written,
    )
  }

  protected override writeTyping(typing: Typing) {
    this.send(typing.buffer('socket', typist => JSON.stringify({ event: 'typing', ...typingJson(typist) })))
  }

  /** A reader who did not answer the last ping is gone, though the connection was not closed. */
  protected override heartbeat() {
    if (!this.answered) {
      this.drop()
      return
    }
    this.answered = false
    this.socket.ping()
  }

  protected override writeEnding(reason: Reason, retry: number) {
    if (reason === 'restart') {
      this.socket.close(SERVICE_RESTART, `Come back in ${retry} ms`)
    } else {
      this.socket.close(POLICY_VIOLATION, this.sentences[reason])
    }
  }

  protected sendAll(messages: readonly Buffer[], written?: (error?: Error) => void) {
    this.wire.cork()
    for (const [index, message] of messages.entries()) {
      this.written += message.length
      // A socket that is closing does not throw: only the callback gets the error.
      this.socket.send(message, { binary: false }, index === messages.length - 1 ? written : undefined)
    }
    this.wire.uncork()
  }

  private send(message: string | Buffer) {
    this.written += message.length
    this.socket.send(message, { binary: false })
  }
}
