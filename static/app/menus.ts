import type { ComposerForm } from './composer.ts'

/** The menu of a message opens below it and closes again. Without this its link leads to the message's page. */
export function openMenus(messages: Element, composer: ComposerForm | null) {
  const close = () => {
    for (const menu of messages.querySelectorAll('.message__menu:not(:empty)')) {
      menu.replaceChildren()
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
