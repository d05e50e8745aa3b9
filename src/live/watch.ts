/** Tells one reader of all their chats when to read again. */
export class Watch {
  closed = false
  private happened = false
  private waitingSince = Number.POSITIVE_INFINITY
  private settle: () => void = () => {}
  private onConfirmed: () => void = () => {}
  private readonly onClose: () => void

  constructor(onClose: () => void) {
    this.onClose = onClose
  }

  /** A reading begins, which sees all that has happened so far. */
  begin() {
    this.happened = false
  }

  /**
   * Resolves once something has happened since the last reading began, or the watch is closed. `onConfirmed` is called each time that the
   * database has confirmed that nothing has.
   */
  async wait(onConfirmed: () => void) {
    if (!this.happened && !this.closed) {
      this.onConfirmed = onConfirmed
      this.waitingSince = performance.now()
      await new Promise<void>(resolve => {
        this.settle = resolve
      })
      this.waitingSince = Number.POSITIVE_INFINITY
    }
  }

  wake() {
    this.happened = true
    this.settle()
  }

  /** What the sweep of that time saw is older than what a reading has seen that ended later. */
  confirmed(begunAt: number) {
    if (!this.happened && this.waitingSince < begunAt) {
      this.onConfirmed()
    }
  }

  close() {
    if (!this.closed) {
      this.closed = true
      this.settle()
      this.onClose()
    }
  }
}
