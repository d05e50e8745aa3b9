import { addTo } from './elements.ts'
import { icon } from './icon.ts'

/**
 * Reply, react and more beside the message that the reader points at or has the focus in. It is one element that moves, as each of 200
 * messages would have three more stops of the Tab key otherwise. Not on touch, where the time's link leads to the same.
 */
export function offerActions(messages: HTMLElement) {
  if (!matchMedia('(hover: hover)').matches) {
    return
  }
  const bar = document.createElement('div')
  bar.className = 'bar'
  bar.setAttribute('role', 'group')
  addButton('reply', 'Reply', (message, button) => {
    htmx.ajax('GET', `${pathOf(message)}/reply`, { source: button, target: '#reply', swap: 'innerHTML' })
  })
  addButton('face', 'React', openMenu)
  addButton('more', 'More', openMenu)

  function pathOf(message: Element): string {
    return menuOf(message)?.getAttribute('href') ?? ''
  }
  function addButton(
    name: 'reply' | 'face' | 'more',
    words: string,
    act: (message: Element, button: HTMLElement) => void,
  ) {
    const button = addTo(bar, 'button', 'round', icon(name))
    addTo(button, 'span', 'hidden-label', words)
    button.type = 'button'
    button.title = words
    button.dataset[name] = ''
    button.addEventListener('click', () => {
      const message = bar.closest('.message')
      if (message) {
        act(message, button)
      }
    })
  }
  function moveTo(event: Event) {
    const message = (event.target as Element).closest('.message')
    const bubble = message?.querySelector('.message__bubble')
    if (!message || message.matches('.message--deleted, .message--pending') || bar.parentElement === bubble) {
      return
    }
    bar.ariaLabel = menuOf(message)?.ariaLabel ?? ''
    bubble?.append(bar)
  }
  messages.addEventListener('pointerover', moveTo)
  messages.addEventListener('focusin', moveTo)
}

function openMenu(message: Element) {
  menuOf(message)?.click()
}

function menuOf(message: Element): HTMLElement | null {
  return message.querySelector('[data-menu]')
}
