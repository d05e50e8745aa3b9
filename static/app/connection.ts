import { explains, requestOf } from './htmx.ts'
import { claim, say, unsay } from './notice.ts'

/** Says once what keeps the page from its news, as everything that is said is read out, and takes it back when it is over. */
export function tellTrouble() {
  let trouble: 'lost' | number | undefined
  document.addEventListener('htmx:error', event => {
    if (!(event.target as Element).matches?.('.tail') || trouble === 'lost') {
      return
    }
    trouble = 'lost'
    say('The connection is lost. Trying again…', 'tail')
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
    if (!sourceElement.matches?.('.tail')) {
      return
    }
    if (status < 400) {
      if (trouble !== undefined) {
        unsay('tail')
      }
      trouble = undefined
    } else if (trouble === status) {
      event.preventDefault()
    } else {
      trouble = status
      claim('tail')
      if (!explains(request)) {
        say('New messages cannot be fetched at this moment. Trying again…', 'tail')
      }
    }
  })
}

/** Older messages are not news: a screen reader is not to read them all out. */
export function quietOlder(log: HTMLElement) {
  log.addEventListener('htmx:before:request', event => {
    if ((event.target as Element).matches('.older__link')) {
      log.ariaBusy = 'true'
    }
  })
  log.addEventListener('htmx:finally:request', () => {
    log.ariaBusy = 'false'
  })
}

/** After signing in with a message that was not sent, the chat stands at the login's address: loading it again would send the form again. */
export function mendAddress(path: string) {
  if (!location.pathname.startsWith('/chats/')) {
    history.replaceState(null, '', path)
  }
}
