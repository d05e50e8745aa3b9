import { LIMITS } from '../config.js'
import { mixesAlphabets } from './characters.js'
import { graphemes } from './graphemes.js'

/**
 * The form in which names are compared: names with equal forms are the same name. It is folded until nothing changes, so that folding a
 * folded name changes nothing: otherwise people can take over accounts ("Creative usernames and Spotify account hijacking", 2013). Upper
 * case comes before lower case, as that makes ß and ss the same, and ς and σ.
 */
export function foldUsername(name: string): string {
  for (let folded = name; ; ) {
    const next = folded.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
    if (next === folded) {
      return folded
    }
    folded = next
  }
}

/** What is wrong with a username in NFKC: the original's rule, and no characters that are invisible or look alike. Undefined if nothing is. */
export function usernameFault(name: string): string | undefined {
  if ([...name].length > LIMITS.nameCodePoints) {
    return `Ensure this field has no more than ${LIMITS.nameCodePoints} characters.`
  }
  if (!/^[\p{L}\p{N}@.+_-]+$/u.test(name) || /\p{Default_Ignorable_Code_Point}/u.test(name)) {
    return 'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'
  }
  if (mixesAlphabets(name)) {
    return 'Enter a valid username. Its letters must be of one alphabet.'
  }
  return undefined
}

/** A name to be shown, as it is stored: several spaces look like one, and phones write a typographic apostrophe. */
export function normaliseDisplayName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\u2018\u2019\u02bc]/g, "'")
    .replace(/ +/g, ' ')
    .trim()
}

/** What is wrong with a name to be shown, normalised as above. Undefined if nothing is. Whether an account has it as username, the database says. */
export function displayNameFault(name: string): string | undefined {
  // Code points are counted too, as some scripts join any number of letters into one grapheme. They are counted first, as each
  // segment of the graphemes holds a copy of the whole name.
  if ([...name].length > LIMITS.nameCodePoints || [...graphemes.segment(name)].length > LIMITS.nameGraphemes) {
    return `Ensure this field has no more than ${LIMITS.nameGraphemes} characters.`
  }
  if (
    !/^(?:\p{L}[\p{Mn}\p{Mc}]*|[\p{N} .@+_'-])+$/u.test(name) ||
    !/[\p{L}\p{N}]/u.test(name) ||
    /\p{Default_Ignorable_Code_Point}/u.test(name)
  ) {
    return "Enter a valid name. It may contain only letters, numbers, spaces, and @/./+/-/_/' characters."
  }
  if (/\p{M}{3}/u.test(name)) {
    return 'Enter a valid name. Its letters may have two marks each at most.'
  }
  if (mixesAlphabets(name)) {
    return 'Enter a valid name. Its letters must be of one alphabet.'
  }
  if (RESERVED.has(foldUsername(name).replace(/[ .@+_'-]/g, ''))) {
    return 'This name is reserved. Please choose another.'
  }
  return undefined
}

/** The name of all users who have deleted their accounts. */
export const DELETED_USER = 'deleted user'

/** Names that would make a user look like the site itself or like a deleted user, in any spelling. */
const RESERVED = new Set(['admin', 'administrator', 'system', 'owner', 'moderator', 'deleteduser', 'guest'])
