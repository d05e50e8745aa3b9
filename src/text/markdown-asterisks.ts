import { characterAt, characterBefore, isEmoji, isSpace, isUnspaced } from './characters.js'

/** What a run of asterisks can do. */
interface Role {
  open: boolean
  close: boolean
}

/** The longest run that means something: emphasis in bold. */
const LONGEST = 3

/** How many quotation marks, and how many marks at a sentence's end, are looked through. */
const QUOTES = 3
const MARKS = 8

/** What no emphasised word begins with and ends with: the asterisks of paths, patterns and formulas stand there. */
const NO_BEGINNING = /[\p{Terminal_Punctuation}_/\\|&=%^)\]}>~」』）】》〉]/u
const NO_END = /[_/\\|&=^([{<$~「『（【《〈]/

/** A bold word that ends with one of these may be followed by the next word at once: **Note:**text. */
const PUNCTUATION = /[\p{Terminal_Punctuation}\p{Pe}\p{Pf}"'%]/u

/**
 * What the asterisks from `start` to before `end` can do. They open at a word's beginning and close at its end. Two and three of them do
 * so too beside a script without spaces, and close behind punctuation. More than three do nothing.
 */
export function roleOf(text: string, start: number, end: number, count: number): Role {
  if (count > LONGEST) {
    return { open: false, close: false }
  }
  const before = characterBefore(text, start)
  const behind = characterAt(text, end)
  const isBold = count > 1
  return {
    open:
      !isSpace(behind) &&
      !NO_BEGINNING.test(behind) &&
      (beginsWord(text, start) || (isBold && (isUnspaced(before) || isUnspaced(behind)))),
    close:
      !isSpace(before) &&
      !NO_END.test(before) &&
      !opensQuotation(text, start) &&
      (endsWord(text, end) || (isBold && (isUnspaced(behind) || PUNCTUATION.test(before)))),
  }
}

/** Whether a word can begin at the place. */
function beginsWord(text: string, at: number, quotes = QUOTES): boolean {
  const before = characterBefore(text, at)
  if (before === '"' || before === "'") {
    return quotes > 0 && beginsWord(text, at - 1, quotes - 1)
  }
  return isSpace(before) || /[\p{Ps}\p{Pi}*…¿¡]|(?!-)\p{Pd}/u.test(before) || isEmoji(before) || isUnspacedMark(before)
}

/** Whether a word can have ended at the place. */
function endsWord(text: string, at: number, marks = MARKS): boolean {
  const behind = characterAt(text, at)
  if (/[.,;:!?"]/.test(behind)) {
    return marks > 0 && endsWord(text, at + 1, marks - 1)
  }
  return (
    isSpace(behind) ||
    /[\p{Pe}\p{Pf}\p{Pi}*…'\p{Terminal_Punctuation}]|(?!-)\p{Pd}/u.test(behind) ||
    isEmoji(behind) ||
    isUnspacedMark(behind)
  )
}

function isUnspacedMark(character: string): boolean {
  return isUnspaced(character) && /\p{P}/u.test(character)
}

/** Whether the mark before the place is a quotation's first: print("**"). */
function opensQuotation(text: string, at: number): boolean {
  return /^["']$/.test(characterBefore(text, at)) && /^[\s=([{,:]?$/.test(characterBefore(text, at - 1))
}
