import { asRefusal, type FieldErrors, type Refusal } from '../errors.js'
import type { Parts, RouteContext } from '../http/context.js'
import { asText, safePath } from '../http/fields.js'
import { logCause } from '../http/request-log.js'
import type { FormValues } from '../http/view-values.js'

/** The refusals where other input, or another try later, can help. */
export const MENDABLE = [409, 422, 429, 503]

/**
 * Submits a plain form. If it is refused with one of `statuses`, `showAgain` shows the form again, with the reason and what was typed. For
 * htmx and programs, and with every other status, the error is thrown on.
 */
export async function submitForm(
  parts: Parts,
  ctx: RouteContext,
  submit: () => unknown,
  showAgain: (refusal: Refusal) => unknown,
  statuses = MENDABLE,
) {
  try {
    await submit()
  } catch (error) {
    const refusal = asRefusal(error)
    if (ctx.state.form !== 'page' || !statuses.includes(refusal.status)) {
      throw error
    }
    logCause(parts, error)
    parts.refusals.note(refusal.code)
    ctx.status = refusal.status
    ctx.set(refusal.headers)
    await showAgain(refusal)
  }
}

const TYPED = ['username', 'email', 'name', 'draft', 'draft_of', 'reply_to'] as const

/** The values that show a form again after it was refused. */
export function formAgain(ctx: RouteContext, refusal: Refusal): FormValues {
  const fields = ctx.state.fields ?? {}
  return {
    next: safePath(asText(fields.next)),
    values: Object.fromEntries(TYPED.map(field => [field, asText(fields[field])])),
    errors: besideTheirFields(refusal),
  }
}

/** Sentences about hidden fields, and those about no field, go to the top of the form. */
function besideTheirFields({ errors = {}, message }: Refusal): FieldErrors {
  const fields = Object.entries(errors)
  const seen = fields.filter(([field]) => SEEN.has(field))
  const rest = fields.filter(([field]) => !SEEN.has(field)).flatMap(([, sentences]) => sentences)
  return { ...Object.fromEntries(seen), non_field_errors: fields.length > 0 ? rest : [message] }
}

const SEEN = new Set([
  'username',
  'name',
  'email',
  'password',
  'current_password',
  'sure',
  'scopes',
  'chat',
  'expires_at',
])
