import type { Reason } from './delivery.js'
import type { Feed } from './feed.js'
import { type Reader, Stream } from './stream.js'

/** A request that waits for what is new: a stream that is over with the first thing that a stream would tell, of which it writes nothing. */
export class WaitingStream extends Stream {
  protected override readonly waiting = 0
  protected override readonly taken = 0
  /** Resolves once something is new, or with the reason where its reader was to be told that the stream ends. */
  readonly over: Promise<Reason | undefined>
  private settle: (reason?: Reason) => void = () => {}

  constructor(reader: Reader, feed: Feed) {
    super(reader, feed)
    this.over = new Promise(resolve => {
      this.settle = resolve
    })
  }

  override prepare() {}

  override drop() {
    this.settle()
    this.finish()
  }

  protected override write() {
    this.drop()
  }

  protected override writeTyping() {}

  protected override heartbeat() {}

  protected override writeEnding(reason: Reason) {
    this.settle(reason)
  }
}
