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

/** Goes over the header each time it has come again. */
export function keepHeader(header: Element) {
  new MutationObserver(() => {
    offerSharing(header)
    localiseTimes(header)
  }).observe(header, { childList: true })
}
