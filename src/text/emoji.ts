/** One emoji as people see it: a flag, a keycap, or a picture with its skin tone and what is joined to it. © and ™ are text without U+FE0F. */
const PICTURE =
  '(?:(?![\\u00a9\\u00ae\\u2122\\u203c\\u2049](?!\\ufe0f))\\p{Extended_Pictographic}[\\ufe0f\\p{Emoji_Modifier}]?[\\u{e0020}-\\u{e007f}]{0,7})'
const EMOJI = `(?:\\p{Regional_Indicator}{2}|[0-9#*]\\ufe0f\\u20e3|${PICTURE}(?:\\u200d${PICTURE}){0,4}(?!\\u200d))`
const EMOJI_ALONE = new RegExp(`^ *(?:${EMOJI} *){1,3}$`, 'u')

/** Whether a message is one to three emoji, with or without spaces, and nothing else. The chat shows such a message large. */
export function isEmojiAlone(text: string): boolean {
  return EMOJI_ALONE.test(text)
}
