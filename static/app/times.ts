/** Shows the times below `root` in the reader's own time zone and language. */
export function localiseTimes(root: ParentNode) {
  for (const time of root.querySelectorAll<HTMLTimeElement>('time:not([title])')) {
    const date = new Date(time.dateTime)
    time.title = date.toLocaleString([], { dateStyle: 'full', timeStyle: 'medium' })
    if (time.closest('.day')) {
      continue
    }
    const clock = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    const today = date.toDateString() === new Date().toDateString()
    const { when } = time.dataset
    if (when === undefined || today) {
      time.textContent = clock
      const link = time.closest('[data-menu]')
      link?.setAttribute('aria-label', (link.getAttribute('aria-label') ?? '').replace(/[^,]*$/, ` ${clock}`))
      continue
    }
    const day = date.toLocaleDateString([], { dateStyle: 'medium' })
    time.textContent = when === 'day' ? day : `${day}, ${clock}`
  }
}

/** Moves the separators of days, which the server puts where days begin in UTC, to where the reader's days begin. */
export function localiseDays(messages: Element) {
  let last = ''
  let separator: Element | null = null
  for (const item of [...messages.children]) {
    if (item.matches('.day')) {
      separator?.remove()
      separator = item
      continue
    }
    const time = item.querySelector('time')
    if (!time) {
      continue
    }
    const date = new Date(time.dateTime)
    if (date.toDateString() === last) {
      separator?.remove()
    } else {
      last = date.toDateString()
      separator ??= document.createElement('li')
      separator.className = 'day'
      const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric'
      const words = date.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year })
      if (separator.textContent !== words) {
        separator.textContent = words
      }
      if (separator.nextElementSibling !== item) {
        item.before(separator)
      }
    }
    separator = null
  }
}
