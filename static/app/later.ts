// Its address has the hash of what it holds, so the page says it.
const path = (document.currentScript as HTMLScriptElement).dataset.extras ?? ''

/**
 * Loads the second bundle, once for all, and does `act` with it. Pages work without, so that most need no `otherwise` for where it cannot be
 * loaded.
 */
export function later(act: (extras: typeof import('./extras.ts')) => void, otherwise = () => {}) {
  import(path).then(act, otherwise)
}

/** Does `act` once one of these elements is in view. Nothing of a closed drawer is. */
export function whenSeen(elements: Iterable<Element>, act: () => void) {
  const seen = new IntersectionObserver(entries => {
    if (entries.some(({ isIntersecting }) => isIntersecting)) {
      seen.disconnect()
      act()
    }
  })
  for (const element of elements) {
    seen.observe(element)
  }
}
