/**
 * What letters and signs around a place in a text mean for where a word, an address or a name begins and ends. One module, so that marks,
 * addresses and mentions cannot disagree.
 */

/** Scripts that put no spaces between words, and Hangul, whose particles hang on the words, with their punctuation and full-width signs. */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\u3000-\u303f\uff00-\uff65]/u

const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\ufe0f|\u200d/u

/** Whether a character belongs to a script without spaces between words. */
export function isUnspaced(character: string): boolean {
  return character > '\u0dff' && UNSPACED.test(character)
}

export function isEmoji(character: string): boolean {
  return character > '\u00a8' && EMOJI.test(character)
}

/** Whether it is white space, or the beginning or end of the text, where there is no character. */
export function isSpace(character: string): boolean {
  return /^[\s\p{Z}]?$/u.test(character)
}

/**
 * Whether a text shows nothing: white space, controls, and what is made to be invisible. Not what is not assigned yet, as that may become
 * an emoji.
 */
export function isBlank(text: string): boolean {
  return !SHOWN.test(text)
}

const SHOWN = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u

/** The character that ends at a place; '' at the beginning. */
export function characterBefore(text: string, at: number): string {
  const last = text.charCodeAt(at - 1)
  return at <= 0 ? '' : text.slice(last >= 0xdc00 && last <= 0xdfff && at > 1 ? at - 2 : at - 1, at)
}

/** The character that begins at a place; '' at the end. */
export function characterAt(text: string, at: number): string {
  const point = text.codePointAt(at)
  return point === undefined ? '' : String.fromCodePoint(point)
}

/** Whether a word has letters of two alphabets that look like each other: аnn is not ann. */
export function mixesAlphabets(word: string): boolean {
  return ALPHABETS.filter(script => script.test(word)).length > 1
}

/**
 * Alphabets with letters that look like those of another one (Unicode Technical Standard 39). Chinese, Japanese and
 * Korean are not among them: real names mix them with each other and with Latin.
 */
const ALPHABETS = [
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
