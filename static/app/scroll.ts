import { addTo } from './elements.ts'
import { icon } from './icon.ts'
import { down } from './icons.json'

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
  button.append(icon(down))
  const words = addTo(button, 'span', '')
  const count = addTo(button, 'span', 'badge')
  log.after(button)
  let missed = 0
  let atEnd = true
  let anchor: Element | undefined
  let top = 0
  let newest = newestMessage()

  function notice() {
    atEnd = Math.abs(log.scrollTop) < 40
    if (atEnd) {
      missed = 0
    }
    tell()
    const edge = log.getBoundingClientRect().top
    anchor = [...messages.children].find(
      item => !(item as HTMLElement).hidden && item.getBoundingClientRect().bottom > edge && item.id,
    )
    top = anchor?.getBoundingClientRect().top ?? 0
  }
  /** Puts what was at the top of the view back there. */
  function hold() {
    if (anchor?.isConnected) {
      log.scrollTop += anchor.getBoundingClientRect().top - top
    }
    notice()
  }
  function toEnd() {
    log.scrollTop = 0
    notice()
  }
  /** The way to the end, with the number of messages that came since the reader left it. */
  function tell() {
    button.hidden = atEnd
    button.classList.toggle('news--none', missed === 0)
    words.textContent = missed === 0 ? 'Newest messages' : missed === 1 ? 'New message' : 'New messages'
    words.className = missed === 0 ? 'hidden-label' : ''
    count.textContent = missed > 99 ? '99+' : String(missed)
    count.hidden = missed === 0
  }
  function newestMessage(): number {
    return Math.max(0, ...[...messages.querySelectorAll('.message')].slice(-1).map(numberOf))
  }
  log.addEventListener('scroll', notice, { passive: true })
  // A composer that grows, an alert, a keyboard: all move the end of the log without a scroll event.
  new ResizeObserver(() => (atEnd ? toEnd() : notice())).observe(log)
  // What is unfolded at the end of the list would grow upwards out of view. `toggle` does not bubble.
  messages.addEventListener('toggle', ({ target }) => (target as Element).matches('.message__more') && hold(), {
    capture: true,
  })
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
      const before = newest
      newest = newestMessage()
      if (atEnd) {
        toEnd()
        return
      }
      hold()
      missed += [...messages.querySelectorAll('.message')].filter(message => numberOf(message) > before).length
      notice()
    },
  }
}

function numberOf(message: Element): number {
  return Number(message.id.replace('message-', ''))
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
