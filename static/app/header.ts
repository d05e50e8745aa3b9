import { offerSharing } from './share.ts'
import { localiseTimes } from './times.ts'

/** Asks for what stands above the messages again, where one of these small events in the list has changed it. */
export function refreshHeader(kinds: readonly string[]) {
  if (kinds.length > 0) {
    htmx.trigger('#members', 'members-changed')
  }
  if (kinds.some(kind => ['renamed', 'changed', 'owner'].includes(kind))) {
    htmx.trigger('#chat-head', 'chat-changed')
  }
}

/** Goes over the link to hand on each time it has come again. */
export function keepHeader() {
  const link = document.querySelector('[data-invite]')
  if (!link) {
    return
  }
  new MutationObserver(() => {
    offerSharing(link)
    localiseTimes(link)
  }).observe(link, { childList: true })
}
