// What the script says about messages on their way. Each sentence goes into the bundle that says it.
export const lost = 'The connection is lost. Trying again… What you write is kept.'
export const late = 'New messages are late. Trying again…'
export const notYet = 'The message could not be sent yet. Trying again…'
export const unchanged = 'No connection. Try again in a moment.'
export const removed = 'You were removed from'
export const why = 'Somebody removed you, you left in another window, or the chat was deleted.'
export const skip = 'Skip to the content'
export const kept = 'Your message was not sent. Here it is, to keep:'
export const signOut = (count: number) =>
  `${count === 1 ? 'A message is' : `${count} messages are`} not sent yet. Sign out, and lose ${count === 1 ? 'it' : 'them'}?`

/** Of a list of names or emoji: nothing where there is none. */
export const found = (count: number) =>
  count === 0 ? '' : `${count === 1 ? '1 suggestion' : `${count} suggestions`}. Up and Down choose, Enter takes.`
