/**
 * The drawer of details, which its address opens, closes by the Escape key and by a click beside it too. `isEntrance`: whether the page was
 * entered with the drawer open, so that the step back would leave the page.
 */
export function closeDetails(isEntrance: boolean) {
  const drawer = document.getElementById('info')
  const opener = document.querySelector<HTMLElement>('[data-details]')
  if (!drawer || !opener) {
    return
  }
  const isOpen = () => location.hash === '#info' && getComputedStyle(drawer).position === 'fixed'
  let opened = !isEntrance
  opener.addEventListener('click', () => {
    opened = true
  })
  function close() {
    if (opened) {
      history.back()
    } else {
      location.hash = 'log'
    }
    opened = false
    document.querySelector<HTMLElement>('[data-details]')?.focus()
  }
  drawer.querySelector('[data-close-details]')?.addEventListener('click', event => {
    event.preventDefault()
    close()
  })
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && isOpen()) {
      close()
    }
  })
  document.addEventListener('click', event => {
    if (isOpen() && !drawer.contains(event.target as Element) && !opener.contains(event.target as Element)) {
      close()
    }
  })
}
