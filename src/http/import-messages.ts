import { z } from 'zod'
import { LIMITS } from '../config.js'
import { isBlank } from '../text/characters.js'
import { asLine } from '../text/controls.js'
import { REACTIONS } from '../text/reactions.js'
import { integer, message } from './fields.js'
import { BadFile } from './import-file.js'

const name = z
  .string('A text is required.')
  .transform(asLine)
  .refine(value => !isBlank(value), 'A name is required.')
  .refine(value => [...value].length <= LIMITS.nameCodePoints, `At most ${LIMITS.nameCodePoints} characters.`)

const time = z.iso
  .datetime({ offset: true, error: 'This is no time such as 2026-11-28T16:04:12Z.' })
  .transform(text => new Date(text))
  .refine(date => date.getTime() >= 0, 'Times begin with the year 1970.')
  .refine(date => date.getTime() <= Date.now(), 'This time is still to come.')

const reactions = z
  .record(
    z.string(),
    z.int('A number is required.').min(1, 'A number is required.').max(1e9, 'A number is required.'),
    'Numbers by emoji are required.',
  )
  .refine(
    value => Object.keys(value).every(emoji => Object.hasOwn(REACTIONS, emoji)),
    'One is none of the reactions that there are.',
  )

/** A message as an export has it. What is not named here is passed over. */
export const written = z.object({
  id: integer.optional(),
  user: z.object({ name }, 'An author is required, as {"name": …}.'),
  created_at: time,
  edited_at: time.nullish(),
  deleted_at: time.nullish(),
  message: z.unknown(),
  reply_to: z.object({ id: integer }, 'The answered message is required, as {"id": …}.').nullish(),
  reactions: reactions.nullish(),
})

/** Throws BadFile with what is wrong first. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, line: number): z.output<Schema> {
  const found = schema.safeParse(value)
  const [issue] = found.error?.issues ?? []
  if (issue || !found.success) {
    const field = issue?.path.join('.') ?? ''
    throw new BadFile(line, `${field ? `"${field}": ` : ''}${issue?.message}`)
  }
  return found.data
}

/** What became of a message's text. Throws BadFile. */
export function stateOf(
  {
    message: text,
    edited_at,
    deleted_at,
    reactions,
  }: Pick<z.output<typeof written>, 'message' | 'edited_at' | 'deleted_at' | 'reactions'>,
  line: number,
) {
  const left = { edited_at: edited_at ?? null, deleted_at: null, reactions: reactions ?? null }
  return deleted_at
    ? { text: null, edited_at: null, deleted_at, reactions: null }
    : { text: check(z.object({ message }), { message: text }, line).message, ...left }
}
