import type { z } from 'zod'
import type { FieldCode } from '../codes.js'
import { LIMITS } from '../config.js'
import { notFound, Refusal } from '../errors.js'
import type { Context } from './context.js'
import { integer } from './fields.js'

/** The request's fields in the shape that the handler asked for. Throws `status` with a sentence for each field that is wrong. */
export function read<Schema extends z.ZodType>(ctx: Context, schema: Schema, status = 422): z.output<Schema> {
  return check(ctx.state.fields ?? {}, schema, status)
}

/** The same for the query string. */
export function readQuery<Schema extends z.ZodType>(ctx: Context, schema: Schema): z.output<Schema> {
  return check(ctx.query, schema)
}

/** The same for fields from elsewhere. */
export function check<Schema extends z.ZodType>(fields: unknown, schema: Schema, status = 422): z.output<Schema> {
  const parsed = schema.safeParse(fields, { reportInput: true })
  if (!parsed.success) {
    throw wrongInput(parsed.error, status)
  }
  return parsed.data
}

/** Takes the key by which a program sends the same once from the header Idempotency-Key, as if it were the field. */
export function takeKey(ctx: Context) {
  const key = ctx.get('idempotency-key')
  if (key) {
    ctx.state.fields = { ...ctx.state.fields, key }
  }
}

/** The id in a path. Throws 404 if it is not a number. */
export function readId(text: string | undefined): number {
  const parsed = integer.safeParse(text)
  if (!parsed.success) {
    throw notFound()
  }
  return parsed.data
}

function wrongInput({ issues }: z.ZodError, status: number): Refusal {
  const faults = issues.map(issue => ({
    field: String(issue.path[0] ?? 'non_field_errors'),
    code: codeOf(issue),
    sentence: issue.message,
  }))
  return new Refusal('invalid_input', faults.map(({ sentence }) => sentence).join(' '), { status, faults })
}

/** The code of what a schema has found: that of our own rule, or of zod's. */
function codeOf(issue: z.core.$ZodIssue): FieldCode {
  if (issue.code === 'custom') {
    return issue.params?.code ?? 'invalid'
  }
  if (issue.input === undefined) {
    return 'required'
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    return 'out_of_range'
  }
  return issue.code === 'invalid_type' ? 'wrong_type' : issue.code === 'invalid_value' ? 'not_offered' : 'invalid'
}

/** How many items a list of chats or hits has at most, by what was asked for. */
export function listLength(limit: number | undefined, usual: number): number {
  return Math.min(limit ?? usual, LIMITS.itemsPerListAtMost)
}

/** For the address of the next page, which is as long. */
export function againBy(limit: number | undefined): string {
  return limit === undefined ? '' : `&limit=${limit}`
}
