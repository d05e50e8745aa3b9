import { icon } from './icon.ts'
import { goesByItself, type Waiting } from './queue.ts'

/** What a writer can do to a message that does not go by itself any more. */
interface Choices {
  tryAgain(message: Waiting): void
  edit(message: Waiting): void
}

/** Returns a function that shows below the messages those that wait. */
export function showWaiting(list: Element, { tryAgain, edit }: Choices): (waiting: readonly Waiting[]) => void {
  return waiting => {
    const now = Date.now()
    const shown = new Map([...list.children].map(item => [(item as HTMLElement).dataset.key, item as HTMLElement]))
    const items = waiting.map(message => {
      const goes = goesByItself(message, now)
      const old = shown.get(message.key)
      if (old && old.matches('.message--failed') !== goes) {
        return old
      }
      return bubbleOf(message, goes ? [] : [addButton('Not sent. Try again', tryAgain), addButton('Edit', edit)])

      function addButton(words: string, act: (message: Waiting) => void) {
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'message__again'
        button.textContent = words
        button.addEventListener('click', () => act(message))
        return button
      }
    })
    // Only what has changed is moved: an element that leaves the page loses its focus.
    for (const item of shown.values()) {
      if (!items.includes(item)) {
        item.remove()
      }
    }
    items.forEach((item, index) => {
      if (list.children[index] !== item) {
        list.insertBefore(item, list.children[index] ?? null)
      }
    })
  }
}

/** Without buttons it says that it is being sent. */
function bubbleOf({ text, key }: Waiting, buttons: readonly Element[]): HTMLElement {
  const item = document.createElement('li')
  item.className = 'message message--mine message--pending'
  item.dataset.key = key
  const body = addTo(item, 'div', 'message__body')
  const bubble = addTo(body, 'div', 'message__bubble')
  const line = addTo(bubble, 'div', 'message__line')
  const words = addTo(line, 'div', 'message__text')
  words.dir = 'auto'
  words.textContent = text
  if (buttons.length > 0) {
    item.classList.add('message--failed')
    addTo(body, 'div', 'message__choices').append(...buttons)
  } else {
    addTo(line, 'p', 'message__foot').append('Sending ', icon('clock'))
  }
  return item
}

function addTo(parent: Element, name: string, className: string): HTMLElement {
  const element = document.createElement(name)
  element.className = className
  parent.append(element)
  return element
}
