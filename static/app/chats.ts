import { kindOf, previewOf } from './preview.ts'
import { localiseTimes } from './times.ts'

/** Between two looks at a list that stays before its reader, in milliseconds. */
const EVERY = 60_000

/** After a sign that it has changed the list is asked for within so many milliseconds, so that not all readers ask at once. */
const WITHIN = 5000

/**
 * Keeps the list of chats current while it is seen: it is asked for again every minute, when the page comes to the front, and soon after
 * the page's stream says that there is something new.
 */
export function keepChats(messages: Element | null) {
  const chats = document.querySelector<HTMLElement>('[data-chats]')
  if (!chats) {
    return
  }
  let soon: number | undefined
  function ask() {
    clearTimeout(soon)
    soon = undefined
    if (document.visibilityState === 'visible' && chats?.getClientRects().length) {
      htmx.trigger('#chats', 'chats-asked')
    }
  }
  setInterval(ask, EVERY)
  document.addEventListener('visibilitychange', ask)
  document.addEventListener('chats', () => {
    soon ??= setTimeout(ask, Math.random() * WITHIN)
  })
  chats.addEventListener('htmx:after:swap', () => {
    localiseTimes(chats)
    // It may have come since the list was read.
    if (messages) {
      showNewest(messages)
    }
  })
}

/** Shows the newest message of the open chat in the chat's own row of the list, which moves up for a new one. */
export function showNewest(messages: Element) {
  const row = document.querySelector('[data-chats] [aria-current]')?.closest<HTMLElement>('li')
  const message = [...messages.querySelectorAll<HTMLElement>('.message[id]')].at(-1)
  if (!row || !message || !messages.querySelector('.tail')) {
    return
  }
  const bdi = (text = '') => {
    const element = document.createElement('bdi')
    element.textContent = text
    return element
  }
  const kind = kindOf(message)
  const words = previewOf(message)
  row
    .querySelector('.chats__last')
    ?.replaceChildren(
      bdi(message.querySelector('.message__author')?.textContent),
      kind ? ` (${kind}): ` : ': ',
      bdi(words),
    )
  const id = Number(message.id.replace('message-', ''))
  if (id > Number(row.dataset.last ?? 0)) {
    row.dataset.last = String(id)
    row.parentElement?.prepend(row)
    const time = document.createElement('time')
    time.className = 'chats__time'
    time.dataset.when = 'day'
    time.dateTime = message.querySelector('time')?.dateTime ?? ''
    row.querySelector('.chats__time')?.replaceWith(time)
    localiseTimes(row)
  }
}
