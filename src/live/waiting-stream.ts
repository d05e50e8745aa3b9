import type { Feed } from './feed.js'
import { type Reader, Stream } from './stream.js'

/** A request that waits for what is new: a stream that is over with the first thing that a stream would tell, of which it writes nothing. */
export class WaitingStream extends Stream {
  readonly kind = 'wait'
  protected override readonly waiting = 0
  protected override readonly taken = 0
  /** Resolves once something is new, or the stream has ended. */
  readonly over: Promise<void>
  private settle: () => void = () => {}

  constructor(reader: Reader, feed: Feed | undefined) {
    super(reader, feed)
    this.over = new Promise(resolve => {
      this.settle = resolve
    })
  }

  override prepare() {}

  override drop() {
    this.finish()
  }

  protected override write() {
    this.drop()
  }

  protected override writeTold() {}

  protected override writeTyping() {}

  protected override heartbeat() {}

  protected override writeEnding() {}

  protected override finish() {
    super.finish()
    this.settle()
  }
}
