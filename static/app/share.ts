import { localiseTimes } from './times.ts'

/** Puts buttons beside the addresses of the page, and beside the link to hand on each time it has come again. */
export function offerSharing() {
  addButtons(document)
  const link = document.querySelector('[data-invite]')
  if (link) {
    new MutationObserver(() => addButtons(link)).observe(link, { childList: true })
  }
}

/** To those below `root` that have none yet. */
function addButtons(root: ParentNode) {
  localiseTimes(root)
  for (const source of root.querySelectorAll<HTMLInputElement>('[data-copy]')) {
    // No :has(), which Firefox lacks before 121: a selector that it does not know would end the script.
    if (source.nextElementSibling?.matches('button')) {
      continue
    }
    if ('share' in source.dataset) {
      addShareButton(source)
    }
    addCopyButton(source)
  }
}

/** Copies where the browser lets us (not on plain http). Elsewhere it selects the text, ready for the reader's own copying. */
function addCopyButton(source: HTMLInputElement) {
  const button = addButton(source, 'Copy')
  button.addEventListener('click', async () => {
    source.select()
    try {
      await navigator.clipboard.writeText(source.value)
    } catch {
      if (!document.execCommand('copy')) {
        return
      }
    }
    button.textContent = 'Copied'
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
}

/** Hands the address to the device's own way of sharing, where the browser has one (not on plain http). */
function addShareButton(source: HTMLInputElement) {
  if (!navigator.share) {
    return
  }
  addButton(source, 'Share').addEventListener('click', async () => {
    try {
      await navigator.share({ title: document.title, url: source.value })
    } catch {
      // The user has changed their mind, or cannot share, and can copy.
      source.select()
    }
  })
}

function addButton(source: HTMLInputElement, words: string): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'button button--plain share__copy'
  button.textContent = words
  source.after(button)
  return button
}
