import { icon } from './icon.ts'
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
  item.innerHTML =
    '<div class="message__body"><div class="message__bubble"><div class="message__line"><div class="message__text" dir="auto"></div></div></div></div>'
  item.querySelector('.message__text')?.append(message.text)
  if (goes) {
    const foot = document.createElement('p')
    foot.className = 'message__foot'
    foot.append('Sending ', icon('clock'))
    item.querySelector('.message__line')?.append(foot)
    return item
  }
  item.classList.add('message--failed')
  const row = document.createElement('div')
  row.className = 'message__choices'
  item.querySelector('.message__body')?.append(row)
  for (const [words, act] of Object.entries(choices)) {
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'message__again'
    button.textContent = words
    button.addEventListener('click', () => act(message))
    row.append(button)
  }
  return item
}
