import { LIMITS } from '../config.js'
import { mixesAlphabets } from './characters.js'
import { graphemes } from './graphemes.js'
import { JOINS_BEFORE, JOINS_BEHIND, VIRAMAS } from './lookalikes.js'
import { skeleton } from './skeleton.js'

/**
 * The form in which names are compared: names with equal forms are the same name. It is folded until nothing changes, so that folding a
 * folded name changes nothing: otherwise people can take over accounts ("Creative usernames and Spotify account hijacking", 2013). Upper
 * case comes before lower case, as that makes ß and ss the same, and ς and σ. Joiners, which only change how letters are drawn, do not count.
 */
export function foldUsername(name: string): string {
  for (let folded = name; ; ) {
    const next = folded
      .replace(/[\u200c\u200d]/g, '')
      .normalize('NFKC')
      .toUpperCase()
      .toLowerCase()
      .normalize('NFKC')
    if (next === folded) {
      return folded
    }
    folded = next
  }
}

/** What is wrong with a username in NFKC: the original's rule, and what holds for all names. Undefined if nothing is. */
export function usernameFault(name: string): string | undefined {
  if ([...name].length > LIMITS.nameCodePoints) {
    return `Ensure this field has no more than ${LIMITS.nameCodePoints} characters.`
  }
  if (!USERNAME.test(withoutJoiners(name))) {
    return 'Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.'
  }
  return faultOfAny(name, 'username')
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
  if (!DISPLAY_NAME.test(withoutJoiners(name)) || !/[\p{L}\p{N}]/u.test(name)) {
    return "Enter a valid name. It may contain only letters, numbers, spaces, and @/./+/-/_/' characters."
  }
  return faultOfAny(name, 'name')
}

/** A letter that can be seen, with its marks: vowels and tones in many scripts. */
const LETTER = '(?!\\p{Default_Ignorable_Code_Point})\\p{L}(?:(?!\\p{Default_Ignorable_Code_Point})[\\p{Mn}\\p{Mc}])*'
const USERNAME = new RegExp(`^(?:${LETTER}|[\\p{N}@.+_-])+$`, 'u')

/** The dots are those of Catalan, and of foreign names in Chinese and Japanese; the last two signs are letters in Hebrew names. */
const DISPLAY_NAME = new RegExp(`^(?:${LETTER}|[\\p{N} @.+_'·・׳״-])+$`, 'u')

/** Marks that go with letters of any script, and those of one: Burmese names have up to five on a letter. */
const TOO_MANY_MARKS = /(?:(?=\p{M})\p{Script=Inherited}){3}|\p{M}{6}/u

function faultOfAny(name: string, what: 'name' | 'username'): string | undefined {
  if (TOO_MANY_MARKS.test(name)) {
    return `Enter a valid ${what}. Its letters may have two accents each at most.`
  }
  if (mixesAlphabets(name)) {
    return `Enter a valid ${what}. Its letters must be of one alphabet.`
  }
  return RESERVED.has(essence(name)) || RESERVED.has(essence(foldUsername(name)))
    ? 'This name is reserved. Please choose another.'
    : undefined
}

/**
 * The name without its joiners where these are in place: behind a sign that takes the vowel from a letter, and a non-joiner also between
 * letters that would join without it (RFC 5892, A.1 and A.2): می‌خواهم. Elsewhere they show nothing.
 */
function withoutJoiners(name: string): string {
  return name.replace(JOINERS, '')
}

const JOINERS = new RegExp(
  `(?<=[${VIRAMAS}])[\\u200c\\u200d]|(?<=[${JOINS_BEHIND}]\\p{Mn}{0,5})\\u200c(?=\\p{Mn}{0,5}[${JOINS_BEFORE}])`,
  'gu',
)

/** What a name looks like, without what can be put between its letters. */
function essence(name: string): string {
  return skeleton(name).replace(/[ .@+_'·・׳״-]/g, '')
}

/** The name of all users who have deleted their accounts. */
export const DELETED_USER = 'deleted user'

/** Names that would make a user look like the site itself or like a deleted user, in whatever spelling. */
const RESERVED = new Set(
  ['admin', 'administrator', 'system', 'owner', 'moderator', 'deleteduser', 'guest']
    .flatMap(name => [name, name.toUpperCase()])
    .map(essence),
)
