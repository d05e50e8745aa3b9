import { newKey } from './new-key.ts'
import { namesFrom, recall, remember } from './storage.ts'

interface Draft {
  text: string
  /** When it was typed, in milliseconds since 1970. */
  at: number
}

/**
 * What is typed into the field outlives a reload, the window, and signing in again. Each user has their own drafts at this browser, and each
 * open page has its own; `slot` names the user and the chat. A page that opens takes over the draft of one that was closed. It
 * cannot know whether that was closed: a page that is still open keeps its draft again, and then the new page gives it back.
 */
export function keepDraft(slot: string, field: HTMLTextAreaElement) {
  const own = `${slot} ${newKey()}`
  const declined = new Set([own])
  const last: unknown = history.state
  let taken: { name: string; text: string } | undefined

  function keep() {
    remember(own, field.value === '' ? null : ({ text: field.value, at: Date.now() } satisfies Draft))
  }
  function fill(text: string) {
    field.value = text
    field.dispatchEvent(new Event('input'))
  }
  function takeOver() {
    const drafts = namesFrom(`${slot} `)
      .filter(name => !declined.has(name))
      .map(name => ({ name, ...(recall(name) as Draft) }))
      .sort((one, other) => other.at - one.at)
    taken = drafts.find(({ name }) => name === last) ?? drafts[0]
    if (taken) {
      remember(taken.name, null)
      fill(taken.text)
    }
  }

  field.addEventListener('input', keep)
  addEventListener('storage', ({ key, newValue }) => {
    if (key === own && newValue === null && field.value !== '') {
      keep()
    } else if (taken && key === taken.name && newValue !== null) {
      const { name, text } = taken
      declined.add(name)
      taken = undefined
      if (field.value === text) {
        fill('')
        takeOver()
      }
    }
  })
  // A page that was left and is back may have missed that another one took its draft over.
  addEventListener('pageshow', event => event.persisted && keep())
  if (field.value === '') {
    takeOver()
  } else {
    keep()
  }
  // For the page that is loaded in its place.
  history.replaceState(own, '')
}
