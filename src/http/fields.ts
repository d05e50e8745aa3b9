import { z } from 'zod'
import type { FieldCode } from '../codes.js'
import { LIMITS } from '../config.js'
import { isBlank } from '../text/characters.js'
import { asLine, withoutControls } from '../text/controls.js'
import { displayNameFault, normaliseDisplayName, usernameFault } from '../text/names.js'
import { parsedUrl } from '../urls.js'

/** A rule of a field: its code for programs, and a sentence for people. */
export const rule = (code: FieldCode, sentence: string) => ({ error: sentence, params: { code } })

const NO_INTEGER = 'A valid integer is required.'

/** Forms and queries write it as text. */
export const integer = z.preprocess(
  value => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
  z.int({ error: NO_INTEGER }).min(0, NO_INTEGER).max(999_999_999_999_999, NO_INTEGER),
)

/**
 * A text from one form field: not a list, an object or a number, and nothing that PostgreSQL or UTF-8 cannot hold. A text with more bytes is
 * refused with the sentence `tooLong` before all other checks, as normalising, splitting or matching can cost more than linear time.
 */
export const text = (bytes: number, tooLong: string) =>
  z
    .string({
      error: ({ input }) =>
        input === undefined
          ? 'This field is required.'
          : input === null
            ? 'This field may not be null.'
            : 'Not a valid string.',
    })
    .refine(value => Buffer.byteLength(value) <= bytes, { ...rule('too_long', tooLong), abort: true })
    .refine(value => value.isWellFormed(), 'This text is not valid Unicode.')
    .refine(value => !value.includes('\0'), 'Null characters are not allowed.')

const BLANK = 'This field may not be blank.'

export const filled = (bytes: number, tooLong: string) =>
  text(bytes, tooLong).refine(value => value.trim() !== '', rule('blank', BLANK))

/** A text that may be left out or null, which is the same as empty. */
export const orEmpty = (schema: z.ZodType<string, string>) => schema.nullish().transform(value => value ?? '')

export const noMoreThan = (characters: number) => `Ensure this field has no more than ${characters} characters.`

/** Limits the length of a text in code points, as JSON Schema counts it too. */
export const upTo = (characters: number, schema: z.ZodType<string, string>) =>
  schema
    .refine(value => [...value].length <= characters, { ...rule('too_long', noMoreThan(characters)), abort: true })
    .meta({ maxLength: characters })

/** A line that may be left empty, but not with characters that show nothing. */
const line = (codePoints: number) =>
  upTo(
    codePoints,
    text(LIMITS.lineBytes, noMoreThan(codePoints))
      .refine(value => value.trim() === '' || !isBlank(asLine(value)), rule('blank', BLANK))
      .transform(asLine),
  )

/** Phone keyboards put a space behind a name. */
export const normalised = (name: string) => name.normalize('NFKC').trim()

/** The username of a user to look up. */
export const knownUsername = upTo(
  LIMITS.nameCodePoints,
  filled(LIMITS.nameBytes, noMoreThan(LIMITS.nameCodePoints)).transform(normalised),
)

export const username = knownUsername.superRefine((value, issues) => {
  const fault = usernameFault(value)
  if (value && fault) {
    issues.addIssue(fault)
  }
})

/** A name to be shown in chats, of an account or a guest. */
export const displayName = nameToShow()

/** The same for an account, which may always show its own username. */
export function nameToShow(username = '') {
  return filled(LIMITS.nameBytes, noMoreThan(LIMITS.nameGraphemes))
    .transform(normaliseDisplayName)
    .superRefine((value, issues) => {
      const fault = value === normaliseDisplayName(username) ? undefined : displayNameFault(value)
      if (value && fault) {
        issues.addIssue(fault)
      }
    })
    .meta({ maxLength: LIMITS.nameCodePoints })
}

export const password = filled(LIMITS.passwordBytes, noMoreThan(LIMITS.passwordBytes)).meta({
  maxLength: LIMITS.passwordBytes,
})

const NO_EMAIL = 'Enter a valid email address.'

export const email = orEmpty(text(LIMITS.emailBytes, NO_EMAIL).meta({ maxLength: LIMITS.emailBytes }))
  .transform(value => value.trim())
  .refine(value => value === '' || z.email().safeParse(value).success, NO_EMAIL)

/** The path on this site to go on to. An address elsewhere counts as none: the reader of an error would not be the author of the link. */
export const next = orEmpty(text(LIMITS.lineBytes, noMoreThan(LIMITS.lineBytes))).transform(safePath)

/** A typed text; empty if it was not sent, or not as text. */
export const asText = (value: unknown) => (typeof value === 'string' ? value : '')

export const tokenName = line(LIMITS.tokenNameCodePoints)

export const titleText = line(LIMITS.titleCodePoints)

export const title = orEmpty(titleText)

/** A yes or no from a program or a form. */
export const choice = z.preprocess(value => CHOICES.get(value) ?? value, z.boolean({ error: 'Must be true or false.' }))

const CHOICES = new Map<unknown, boolean>([
  ['true', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['', false],
  ['0', false],
])

/**
 * A message's text: line ends become \n, controls and blank lines around it are removed, and something must be left to see. Its length is
 * counted in code points.
 */
export const message = upTo(
  LIMITS.messageCodePoints,
  filled(LIMITS.messageBytes, noMoreThan(LIMITS.messageCodePoints))
    .transform(value =>
      withoutControls(value.replace(/\r\n?/g, '\n'))
        .replace(/^(?:[^\S\n]*\n)+/, '')
        // Not by /\s+$/, which takes quadratic time in a text of spaces.
        .trimEnd(),
    )
    .refine(value => !isBlank(value), { ...rule('blank', BLANK), abort: true }),
)

export const limit = integer
  .refine(
    n => n >= 1 && n <= LIMITS.messagesPerListAtMost,
    rule('out_of_range', `Must be from 1 to ${LIMITS.messagesPerListAtMost}.`),
  )
  .optional()

export const searched = upTo(
  LIMITS.searchCodePoints,
  filled(LIMITS.lineBytes, noMoreThan(LIMITS.searchCodePoints)).transform(value => value.trim()),
)

/** Only a path on this site: a browser reads `//host` and `/\host` as another site, and drops control characters. */
export function safePath(path: string): string {
  const base = 'http://here.invalid'
  if (path.length > LIMITS.lineBytes || !/^\/(?![/\\])[^\p{Cc}\\]*$/u.test(path)) {
    return ''
  }
  const url = parsedUrl(path, base)
  return url?.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : ''
}
