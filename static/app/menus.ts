import type { ComposerForm } from './composer.ts'
import { requestOf } from './htmx.ts'
import { focusLink } from './list.ts'
import { say } from './notice.ts'
import { unchanged } from './words.ts'

const OPEN = '.message__menu:not(:empty)'

/** The menu of a message opens below it and closes again. Without this its link leads to the message's page. */
export function openMenus(messages: HTMLElement, composer: ComposerForm | null) {
  /** The link of the message whose menu is to open with its text to edit. */
  let editing: Element | null = null

  // One listener for all: each message would cost the page as much as a request does otherwise, while it loads.
  messages.addEventListener('click', event => {
    const link = (event.target as Element).closest('[data-menu]')
    const { ctrlKey, metaKey, shiftKey } = event
    if (!link || ctrlKey || metaKey || shiftKey) {
      return
    }
    event.preventDefault()
    const place = link.closest('.message')?.querySelector('.message__menu')
    const isOpen = place?.matches(OPEN)
    for (const menu of messages.querySelectorAll(OPEN)) {
      if (menu === place || !isChanged(menu)) {
        clear(menu)
      }
    }
    if (place && !isOpen) {
      htmx.ajax('GET', link.getAttribute('href') ?? '', { source: link, target: place, swap: 'innerHTML' })
    }
  })
  // A menu is no news: it is not to be read out as what somebody said.
  messages.addEventListener('htmx:before:swap', event => {
    const link = requestOf(event).sourceElement
    if (link.matches('[data-menu]')) {
      link.setAttribute('aria-expanded', 'true')
      link.closest('.message')?.querySelector('.message__menu')?.setAttribute('aria-live', 'off')
    }
  })
  messages.addEventListener('click', event => {
    if ((event.target as Element).closest('[data-cancel]')) {
      event.preventDefault()
      closeMenu((event.target as Element).closest(OPEN))
    }
  })
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && !event.isComposing) {
      closeMenu(document.activeElement?.closest(OPEN) ?? messages.querySelector(OPEN))
    }
  })
  // `toggle` does not bubble.
  messages.addEventListener('toggle', event => focusText(event.target as HTMLDetailsElement), { capture: true })
  // htmx tells the element that asked, not the one that was filled.
  document.addEventListener('htmx:after:swap', event => {
    const source = event.target as Element
    if (source.matches('[data-reply]')) {
      clear(source.closest(OPEN))
      composer?.elements.message.focus()
    } else if (source === editing) {
      editing = null
      openEdit(source.closest('.message'))
    }
  })
  messages.addEventListener('htmx:finally:request', event => {
    const { request, response } = requestOf(event)
    const menu = (event.target as Element).closest(OPEN)
    if (!menu || request.method !== 'POST') {
      return
    }
    if (!response) {
      say(unchanged, 'menu')
    } else if (response.status < 400) {
      closeMenu(menu)
    }
  })
  composer?.elements.message.addEventListener('keydown', event => {
    const { key, altKey, ctrlKey, metaKey, shiftKey, target } = event
    if (key !== 'ArrowUp' || altKey || ctrlKey || metaKey || shiftKey || (target as HTMLTextAreaElement).value !== '') {
      return
    }
    const last = [...messages.querySelectorAll('.message--mine:not(.message--deleted, .message--pending)')].at(-1)
    if (!last) {
      return
    }
    event.preventDefault()
    if (last.querySelector(OPEN)) {
      openEdit(last)
    } else {
      editing = last.querySelector('[data-menu]')
      ;(editing as HTMLElement).click()
    }
  })
}

/** Whether a text was changed there and not saved: a click elsewhere is no reason to lose it. */
function isChanged(menu: Element): boolean {
  return [...menu.querySelectorAll('textarea')].some(({ value, defaultValue }) => value !== defaultValue)
}

function clear(menu: Element | null) {
  menu?.replaceChildren()
  menu?.closest('.message')?.querySelector('[data-menu]')?.setAttribute('aria-expanded', 'false')
}

function closeMenu(menu: Element | null) {
  const message = menu?.closest('.message')
  clear(menu)
  if (message) {
    focusLink(message)
  }
}

function openEdit(message: Element | null) {
  const fold = message?.querySelector('textarea')?.closest('details')
  if (fold?.open) {
    focusText(fold)
  } else if (fold) {
    fold.open = true
  }
}

function focusText(fold: HTMLDetailsElement) {
  const text = fold.querySelector('textarea')
  if (fold.open && text) {
    text.focus()
    text.setSelectionRange(text.value.length, text.value.length)
  }
}
