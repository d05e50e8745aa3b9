import { signOut } from './words.ts'

/** What the browser keeps for this site. Browsers can be told to keep nothing, and can be full: then it is kept as long as the page. */
const inPage = new Map<string, string>()

export function recall(name: string): unknown {
  try {
    return JSON.parse(inPage.get(name) ?? localStorage.getItem(name) ?? 'null')
  } catch {
    return null
  }
}

/** Null forgets. */
export function remember(name: string, value: unknown) {
  inPage.delete(name)
  try {
    if (value === null) {
      localStorage.removeItem(name)
    } else {
      localStorage.setItem(name, JSON.stringify(value))
    }
  } catch {
    if (value !== null) {
      inPage.set(name, JSON.stringify(value))
    }
  }
}

/** The names that begin so, of everything that is kept. */
export function namesFrom(beginning: string): string[] {
  let names = [...inPage.keys()]
  try {
    names = names.concat(Object.keys(localStorage))
  } catch {
    // Nothing is kept beyond the page.
  }
  return names.filter(name => name.startsWith(beginning))
}

/** Whether something whose name begins so goes with the page. */
export function isVolatile(beginning: string): boolean {
  return [...inPage.keys()].some(name => name.startsWith(beginning))
}

/**
 * Forgets everything when the user signs out: on plain http browsers ignore the server's Clear-Site-Data. Asks first where messages
 * wait, whose names begin with `waiting`.
 */
export function forgetAtSignOut(waiting: string) {
  document.addEventListener('submit', event => {
    if (!(event.target as Element).matches('[data-sign-out]')) {
      return
    }
    const count = namesFrom(waiting).length
    if (count > 0 && !confirm(signOut(count))) {
      event.preventDefault()
      return
    }
    inPage.clear()
    try {
      localStorage.clear()
    } catch {
      // There is nothing to forget.
    }
  })
}
