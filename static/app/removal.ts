import { addTo } from './elements.ts'
import { icon } from './icon.ts'
import { unlinked } from './icons.json'
import { kept, removed, skip, why } from './words.ts'

/** Puts in the page's place that its reader is not in the chat any more, with what they had written. */
export function showRemoved(name: string, written: string) {
  const main = document.querySelector('main')
  if (!main) {
    return
  }
  // It led to the composer.
  const link = document.querySelector<HTMLAnchorElement>('.skip')
  if (link) {
    link.href = '#main'
    link.textContent = skip
  }
  main.className = 'main sheet sheet--narrow'
  main.replaceChildren()
  const head = addTo(main, 'div', 'sheet__head')
  addTo(head, 'span', 'notice__sign', icon(unlinked))
  addTo(addTo(head, 'h1', 'sheet__title', removed, ' '), 'bdi', '', name)
  addTo(head, 'p', 'sheet__lead', why).setAttribute('role', 'alert')
  if (written !== '') {
    const field = addTo(addTo(main, 'section', 'panel'), 'div', 'field')
    addTo(field, 'label', 'field__label', kept).htmlFor = 'typed'
    const text = addTo(field, 'textarea', 'field__input', written)
    text.id = 'typed'
    text.rows = 5
    text.readOnly = true
  }
  addTo(main, 'a', 'button button--big button--wide', 'Start page').href = '/'
  // Loading the chat's address again would join it again.
  history.replaceState(null, '', '/')
  main.focus()
}
