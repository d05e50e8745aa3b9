/** What the browser keeps for this site. Browsers can be told to keep nothing, and can be full. */

export function recall(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null')
  } catch {
    return null
  }
}

/** Null forgets. */
export function remember(name: string, value: unknown) {
  try {
    if (value === null) {
      localStorage.removeItem(name)
    } else {
      localStorage.setItem(name, JSON.stringify(value))
    }
  } catch {
    // It is forgotten with the page.
  }
}

/** Forgets everything when the user signs out: on plain http browsers ignore the server's Clear-Site-Data. */
export function forgetAtSignOut() {
  document.querySelector('[data-sign-out]')?.addEventListener('submit', () => {
    try {
      localStorage.clear()
    } catch {
      // There is nothing to forget.
    }
  })
}
