import { LIMITS } from '../config.js'

/**
 * The form by which names are compared: two names are the same name when these are equal. Applied until nothing changes,
 * so that folding a folded name gives it back: a fold that does not let people take over accounts
 * ("Creative usernames and Spotify account hijacking", 2013). Upper before lower case, as that joins ß with ss and ς with σ.
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

/** The original's rule for names, after NFKC, less what nobody can see or tell apart. Undefined when the name will do. */
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

/** A name to be shown, as it is kept: runs of spaces look like one, and phones write a typographer's apostrophe. */
export function normaliseDisplayName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\u2018\u2019\u02bc]/g, "'")
    .replace(/ +/g, ' ')
    .trim()
}

/** What is wrong with a name to be shown, normalised as above; an account's username is a matter of the database. Undefined when it will do. */
export function displayNameFault(name: string): string | undefined {
  // Code points too, as some scripts join any number of letters into what counts as one character; and first, as each of the
  // characters that are counted then holds a copy of the whole name.
  if ([...name].length > LIMITS.nameCodePoints || [...GRAPHEMES.segment(name)].length > LIMITS.nameGraphemes) {
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

/** What everybody who has deleted their account is called. */
export const DELETED_USER = 'deleted user'

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Names by which somebody would pass for the site, or for nobody, however they are written. */
const RESERVED = new Set(['admin', 'administrator', 'system', 'owner', 'moderator', 'deleteduser', 'guest'])

function mixesAlphabets(name: string): boolean {
  return LOOKALIKE_SCRIPTS.filter(script => script.test(name)).length > 1
}

/**
 * Alphabets whose letters pass for one another's (Unicode Technical Standard 39): аnn is not ann. Chinese, Japanese and Korean
 * are not among them: their letters stand beside each other, and beside Latin ones, in names that people have.
 */
const LOOKALIKE_SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Georgian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Lisu}/u,
  /\p{Script=Deseret}/u,
  /\p{Script=Osage}/u,
  /\p{Script=Tifinagh}/u,
  /\p{Script=Canadian_Aboriginal}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
]
