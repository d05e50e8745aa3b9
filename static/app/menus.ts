import type { ComposerForm } from './composer.ts'
import { requestOf } from './htmx.ts'

/** The menu of a message opens below it and closes again. Without this its link leads to the message's page. */
export function openMenus(messages: Element, composer: ComposerForm | null) {
  const close = () => {
    for (const menu of messages.querySelectorAll('.message__menu:not(:empty)')) {
      menu.replaceChildren()
      menu.closest('.message')?.querySelector('[data-menu]')?.setAttribute('aria-expanded', 'false')
    }
  }
  messages.addEventListener(
    'click',
    event => {
      const link = (event.target as Element).closest('[data-menu]')
      const { ctrlKey, metaKey, shiftKey } = event as MouseEvent
      if (!link || ctrlKey || metaKey || shiftKey) {
        return
      }
      const wasOpen = link.closest('.message')?.querySelector('.message__menu:not(:empty)')
      close()
      if (wasOpen) {
        event.preventDefault()
        event.stopPropagation()
      }
    },
    { capture: true },
  )
  // A menu is no news: it is not to be read out as what somebody said.
  messages.addEventListener('htmx:before:swap', event => {
    const link = requestOf(event).sourceElement
    if (link.matches('[data-menu]')) {
      link.setAttribute('aria-expanded', 'true')
      link.closest('.message')?.querySelector('.message__menu')?.setAttribute('aria-live', 'off')
    }
  })
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') {
      return
    }
    const open = messages.querySelector('.message__menu:not(:empty)')
    close()
    open?.closest('.message')?.querySelector<HTMLElement>('[data-menu]')?.focus()
  })
  document.getElementById('reply')?.addEventListener('htmx:after:swap', () => {
    close()
    composer?.elements.message.focus()
  })
}
