/**
 * What pages say instead of a sentence of the API. The API keeps its sentences, because clients of the original know them; people get
 * shorter ones, which say what to do.
 */
const PAGE_WORDS = new Map([
  ['Too many requests', 'One moment, please'],
  // A link behind it says the rest.
  ['You are signed out. Sign in to go on.', 'You are signed out.'],
  ['This field is required.', 'Fill this in.'],
  ['This field may not be blank.', 'Fill this in.'],
  ['This password is entirely numeric.', 'Use letters too.'],
  ['This password is too common.', 'Too easy to guess.'],
  ['The password is too similar to the username.', 'Too close to your username.'],
  ['This password is too short. It must contain at least 8 characters.', 'At least 8 characters.'],
  [
    'Unable to log in with provided credentials.',
    'Username and password do not match. Try again, or ask whoever runs this site for a new password.',
  ],
  ['A user with that username already exists.', 'Somebody has that username already. Choose another, or sign in.'],
  [
    'This is not the name of the chat. Please type it exactly as it is shown.',
    'That is not its name. Type it exactly as it is shown.',
  ],
  [
    'This chat is closed to new members. Ask its owner to open it.',
    'Its owner lets nobody else in at the moment. Ask them to open it, then use the link again.',
  ],
  [
    'There is nothing at this address, or it is not yours to see.',
    'There is nothing here, or it is not yours to see. If a link led you to a chat, it may have been replaced, or somebody removed you: ask who sent it for a new one.',
  ],
  [
    'You are sending very fast. Please wait a moment and send again.',
    'That was a lot at once. What you wrote is kept, and can go in a moment.',
  ],
  [
    'Something went wrong here. It has been noted; please try again.',
    'Something broke on our side, and it is noted. Please try again.',
  ],
  [
    'This chat is read-only: nothing can be said or changed in it.',
    'This chat is read-only. You can read all of it, and nobody can write.',
  ],
])

const TOO_LONG = /^Ensure this field has no more than (\d+) characters\.$/

/** What a page says for a sentence of the API. */
export function pageWords(sentence: string): string {
  return PAGE_WORDS.get(sentence) ?? sentence.replace(TOO_LONG, 'At most $1 characters.')
}
