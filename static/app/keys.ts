/** Keys that do on every page what a link there does. /help names them. */
export function listenToKeys() {
  document.addEventListener('keydown', event => {
    const { key, altKey, ctrlKey, metaKey } = event
    if (event.defaultPrevented || event.isComposing) {
      return
    }
    const typing = (event.target as Element).closest('input, textarea, select')
    // On macOS fields use these keys themselves: to delete what is left of the line, and to move by paragraphs.
    const taken = typing && isMac && !metaKey
    if (key === '?' && !typing && !altKey && !ctrlKey && !metaKey) {
      location.assign('/help')
    } else if (key.toLowerCase() === 'k' && (ctrlKey || (metaKey && isMac)) && !altKey && !taken) {
      findChat(event)
    } else if ((key === 'ArrowUp' || key === 'ArrowDown') && altKey && !ctrlKey && !metaKey && !taken) {
      goToNext(event, key === 'ArrowDown')
    }
  })
}

const isMac = /^(Mac|iP)/.test(navigator.platform)

/** In the field beside the list where that is shown, else on a page of its own. Visitors have no chats. */
function findChat(event: Event) {
  const field = document.querySelector<HTMLInputElement>('[action="/search"] [name=q]')
  if (field && field.getClientRects().length > 0) {
    event.preventDefault()
    field.select()
  } else if (document.querySelector('.top__user')) {
    event.preventDefault()
    location.assign('/search')
  }
}

/** From the chat of this page; from other pages to the first or the last one of the list. */
function goToNext(event: Event, down: boolean) {
  const links = [...document.querySelectorAll<HTMLElement>('.chats__link')]
  const current = links.findIndex(link => link.matches('[aria-current]'))
  const next = links[down ? current + 1 : (current === -1 ? links.length : current) - 1]
  if (next) {
    event.preventDefault()
    next.click()
  }
}
