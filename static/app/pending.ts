import { addTo } from './elements.ts'
import { icon } from './icon.ts'
import { clock } from './icons.json'
import { goesByItself, type Waiting } from './queue.ts'

/** What a writer can do to a message that does not go by itself any more, by the words of its button. */
type Choices = Record<string, (message: Waiting) => void>

/** Shows in the list what waits. An item that has not changed is not moved: an element that leaves the page loses its focus. */
export function showWaiting(list: Element, waiting: readonly Waiting[], choices: Choices) {
  const shown = [...list.children] as HTMLElement[]
  const items = waiting.map(message => {
    const goes = goesByItself(message, Date.now())
    const old = shown.find(({ dataset }) => dataset.key === message.key)
    return old?.matches('.message--failed') === !goes ? old : itemOf(message, goes, choices)
  })
  for (const item of shown.filter(item => !items.includes(item))) {
    item.remove()
  }
  items.forEach((item, index) => {
    if (list.children[index] !== item) {
      list.insertBefore(item, list.children[index] ?? null)
    }
  })
}

function itemOf(message: Waiting, goes: boolean, choices: Choices): HTMLElement {
  const item = document.createElement('li')
  item.className = 'message message--mine message--pending'
  item.dataset.key = message.key
  const body = addTo(item, 'div', 'message__body')
  const line = addTo(addTo(body, 'div', 'message__bubble'), 'div', 'message__line')
  addTo(line, 'div', 'message__text', message.text).dir = 'auto'
  if (goes) {
    addTo(line, 'p', 'message__foot', 'Sending ', icon(clock))
    return item
  }
  item.classList.add('message--failed')
  const row = addTo(body, 'div', 'message__choices')
  for (const [words, act] of Object.entries(choices)) {
    const button = addTo(row, 'button', 'message__again', words)
    button.type = 'button'
    button.addEventListener('click', () => act(message))
  }
  return item
}
