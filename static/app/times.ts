// Each is made once, and when it is first needed: that takes longer than all that it writes.
const formats: Record<string, Intl.DateTimeFormat> = {}
const HOW: Record<'full' | 'clock' | 'date' | 'day' | 'year', Intl.DateTimeFormatOptions> = {
  full: { dateStyle: 'full', timeStyle: 'medium' },
  clock: { timeStyle: 'short' },
  date: { dateStyle: 'medium' },
  day: { weekday: 'long', day: 'numeric', month: 'long' },
  year: { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' },
}

function inWords(date: Date, how: keyof typeof HOW): string {
  formats[how] ??= new Intl.DateTimeFormat([], HOW[how])
  return formats[how].format(date)
}

/** Shows the times below `root` in the reader's own time zone and language. */
export function localiseTimes(root: ParentNode) {
  for (const time of root.querySelectorAll<HTMLTimeElement>('time:not([data-local])')) {
    time.dataset.local = ''
    if (time.closest('.day')) {
      continue
    }
    const date = new Date(time.dateTime)
    const clock = inWords(date, 'clock')
    const today = date.toDateString() === new Date().toDateString()
    const { when } = time.dataset
    if (when === undefined || today) {
      time.textContent = clock
      const link = time.closest('[data-menu]')
      link?.setAttribute('aria-label', (link.getAttribute('aria-label') ?? '').replace(/[^,]*$/, ` ${clock}`))
      continue
    }
    const day = inWords(date, 'date')
    time.textContent = when === 'day' ? day : `${day}, ${clock}`
  }
}

/** Says all of a time where one points at it. */
export function explainTimes() {
  document.addEventListener('pointerover', ({ target }) => {
    const time = (target as Element).closest('time')
    if (time) {
      time.title ||= inWords(new Date(time.dateTime), 'full')
    }
  })
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
      const words = inWords(date, date.getFullYear() === new Date().getFullYear() ? 'day' : 'year')
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
