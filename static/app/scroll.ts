/** The place of a reader in the list of messages. */
export interface Scroll {
  /** Whether the end of the list is in view. */
  readonly atEnd: boolean
  toEnd(): void
  /** To be called when the list has changed, before it is painted. */
  settle(): void
}

/**
 * Keeps the end in view for readers who were there, and the place of all others where it was (Safari anchors nothing by
 * itself). The log is laid out from its end, so its scrollTop is 0 there and negative above.
 */
export function keepPlace(log: HTMLElement, messages: Element): Scroll {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'news'
  button.textContent = 'New messages ↓'
  button.hidden = true
  log.after(button)
  let atEnd = true
  let anchor: Element | undefined
  let top = 0
  let newest = newestMessage()

  function notice() {
    atEnd = Math.abs(log.scrollTop) < 40
    if (atEnd) {
      button.hidden = true
    }
    const edge = log.getBoundingClientRect().top
    anchor = [...messages.children].find(
      item => !(item as HTMLElement).hidden && item.getBoundingClientRect().bottom > edge && item.id,
    )
    top = anchor?.getBoundingClientRect().top ?? 0
  }
  function toEnd() {
    log.scrollTop = 0
    notice()
  }
  function newestMessage() {
    return [...messages.querySelectorAll('.message')].at(-1)?.id
  }
  log.addEventListener('scroll', notice, { passive: true })
  // A composer that grows, an alert, a keyboard: all move the end of the log without a scroll event.
  new ResizeObserver(() => (atEnd ? toEnd() : notice())).observe(log)
  button.addEventListener('click', () => {
    toEnd()
    document.getElementById('message')?.focus()
  })
  notice()
  return {
    toEnd,
    get atEnd() {
      return atEnd
    },
    settle() {
      const came = newestMessage() !== newest
      newest = newestMessage()
      if (atEnd) {
        toEnd()
        return
      }
      if (anchor?.isConnected) {
        log.scrollTop += anchor.getBoundingClientRect().top - top
      }
      notice()
      if (came && !atEnd) {
        button.hidden = false
      }
    },
  }
}

/** The link to the first unread message leads up the list where the message is in it, and goes once it is in view. */
export function jumpToUnread(log: HTMLElement) {
  const link = document.querySelector('[data-unread]')
  const line = document.getElementById('new')
  if (!link || !line) {
    return
  }
  link.addEventListener('click', event => {
    event.preventDefault()
    line.scrollIntoView({ block: 'start' })
  })
  const seen = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting) {
        seen.disconnect()
        link.remove()
      }
    },
    { root: log },
  )
  seen.observe(line)
}
