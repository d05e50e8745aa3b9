/** Asks for what stands above the messages again, where one of these small events in the list has changed it. */
export function refreshHeader(kinds: readonly string[]) {
  if (kinds.length > 0) {
    htmx.trigger('#members', 'members-changed')
  }
  if (kinds.some(kind => ['renamed', 'changed', 'owner'].includes(kind))) {
    htmx.trigger('#chat-head', 'chat-changed')
  }
}
