import { explains, requestOf } from './htmx.ts'
import { claim, say, unsay } from './notice.ts'
import { late, lost } from './words.ts'

/** How often a page without a connection looks for one, in milliseconds. */
const AGAIN = 2500

/** What htmx's extension says of a stream that waits for its next try. */
interface Connection {
  delayCanceller?: (() => void) | null
}

/**
 * Says once what keeps the page from its news, as everything that is said is read out, and takes it back when it is over. While the server
 * cannot be reached it asks more often than the tail. `reached` is called whenever a poll was answered, and `removed` once any answer says
 * that the reader is not in the chat any more.
 */
export function tellTrouble(catchUp: () => void, reached: () => void, removed: () => void) {
  let trouble: 'lost' | number | undefined
  let timer: number | undefined
  let connection: Connection | undefined

  document.addEventListener('htmx:sse:before:connection', event => {
    connection = (event as CustomEvent<{ connection: Connection }>).detail.connection
  })
  // The browser may be wrong: it knows of its network only, and the server may be on this side of it.
  addEventListener('offline', catchUp)
  addEventListener('online', catchUp)
  document.addEventListener('htmx:error', event => {
    if ((event.target as Element).closest?.('.tail') && trouble !== 'lost') {
      say(lost, 'tail')
      change('lost')
    }
  })
  document.addEventListener('htmx:after:request', event => {
    const request = requestOf(event)
    const { sourceElement, response } = request
    if (!response) {
      return
    }
    const { status } = response
    // The page says by itself that its stream is paused, and the tail what else is wrong.
    if (sourceElement.id === 'live' && status >= 400) {
      event.preventDefault()
    }
    if (status === 404 && response.headers.has('HX-Redirect')) {
      event.preventDefault()
      change(undefined)
      removed()
      return
    }
    if (!sourceElement.closest?.('.tail')) {
      return
    }
    if (status < 400) {
      if (trouble !== undefined) {
        unsay('tail')
        change(undefined)
        connection?.delayCanceller?.()
      }
      reached()
    } else if (trouble === status) {
      event.preventDefault()
    } else {
      change(status)
      claim('tail')
      if (!explains(request)) {
        say(late, 'tail')
      }
    }
  })

  function change(to: typeof trouble) {
    trouble = to
    clearInterval(timer)
    if (to === 'lost' || (to !== undefined && to >= 500)) {
      timer = setInterval(catchUp, AGAIN)
    }
  }
}

/** Older messages are not news: a screen reader is not to read them all out. */
export function quietOlder(log: HTMLElement) {
  let loading: object | undefined
  log.addEventListener('htmx:before:request', event => {
    if ((event.target as Element).matches('.older__link')) {
      loading = requestOf(event)
      log.ariaBusy = 'true'
    }
  })
  // The answer takes the link's place, and of what has left the page htmx tells the document.
  document.addEventListener('htmx:finally:request', event => {
    if (requestOf(event) === loading) {
      log.ariaBusy = 'false'
    }
  })
}

/** After signing in with a message that was not sent, the chat stands at the login's address: loading it again would send the form again. */
export function mendAddress(path: string) {
  if (!location.pathname.startsWith('/chats/')) {
    history.replaceState(history.state, '', path)
  }
}
