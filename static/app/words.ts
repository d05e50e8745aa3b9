/** What the script says about messages on their way. */
export const SENTENCES = {
  lost: 'The connection is lost. Trying again… What you write is kept.',
  late: 'New messages are late. Trying again…',
  notYet: 'The message could not be sent yet. Trying again…',
  unchanged: 'No connection. Try again in a moment.',
  removed: 'You were removed from',
  why: 'Somebody removed you, you left in another window, or the chat was deleted.',
  kept: 'Your message was not sent. Here it is, to keep:',
  signOut: (count: number) =>
    `${count === 1 ? 'A message is' : `${count} messages are`} not sent yet. Sign out, and lose ${count === 1 ? 'it' : 'them'}?`,
}
