/**
 * Sequences that steer terminals (ECMA-48, section 5): control sequences, control strings such as a window's title, and other escapes. A
 * string without an end is none: it would take all that follows.
 */
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\x0b-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g

const CONTROLS = /[^\P{Cc}\n\t]/gu

/** A text of several lines without what steers its reader's terminal: without controls but line ends and tabs. */
export function withoutControls(text: string): string {
  return text.replace(SEQUENCES, '').replace(CONTROLS, '')
}

/** The lines of such a text, without what would move the words of one line about for its reader. */
export function safeLines(text: string): string[] {
  return withoutControls(text.replace(/[\u2028\u2029]/g, '\n'))
    .replace(TURNS, '')
    .split('\n')
}

/** They turn the direction of the text behind them, also behind the end of the message (UAX 9). */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g

/** The same in one line, and without what turns the direction of the text behind it. */
export function asLine(text: string): string {
  return withoutControls(text)
    .replace(/[\n\t\u2028\u2029]+/g, ' ')
    .replace(TURNS, '')
    .trim()
}
