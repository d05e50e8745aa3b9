import { addTo } from './elements.ts'
import { icon } from './icon.ts'
import { face, more, reply } from './icons.json'

let bar: HTMLElement | undefined

/**
 * Shows reply, react and more beside the message that the reader points at or has the focus in: `target` is in it. It is one element that moves, as
 * each of 200 messages would have three more stops of the Tab key otherwise.
 */
export function showActions(target: Element) {
  const message = target.closest('.message')
  const bubble = message?.querySelector('.message__bubble')
  bar ??= makeBar()
  if (!message || message.matches('.message--deleted, .message--pending') || bar.parentElement === bubble) {
    return
  }
  bar.ariaLabel = menuOf(message)?.ariaLabel ?? ''
  bubble?.append(bar)
}

function makeBar(): HTMLElement {
  const made = document.createElement('div')
  made.className = 'bar'
  made.setAttribute('role', 'group')
  addButton('reply', reply, 'Reply', (message, button) => {
    const path = menuOf(message)?.getAttribute('href') ?? ''
    htmx.ajax('GET', `${path}/reply`, { source: button, target: '#reply', swap: 'innerHTML' })
  })
  addButton('face', face, 'React', openMenu)
  addButton('more', more, 'More', openMenu)
  return made

  function addButton(name: string, path: string, words: string, act: (message: Element, button: HTMLElement) => void) {
    const button = addTo(made, 'button', 'round', icon(path, path === reply))
    addTo(button, 'span', 'hidden-label', words)
    button.type = 'button'
    button.title = words
    button.dataset[name] = ''
    button.addEventListener('click', () => {
      const message = made.closest('.message')
      if (message) {
        act(message, button)
      }
    })
  }
}

function openMenu(message: Element) {
  menuOf(message)?.click()
}

function menuOf(message: Element): HTMLElement | null {
  return message.querySelector('[data-menu]')
}
