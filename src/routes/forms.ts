import { asRefusal, type FieldErrors, type Refusal } from '../errors.js'
import type { Parts, RouteContext } from '../http/context.js'
import { safePath } from '../http/input.js'
import { logCause } from '../http/request-log.js'
import { showPage } from '../http/respond.js'

/**
 * Does what a form asks for; where that is refused the form comes back with the reason beside what was typed, passwords
 * excepted, and with whatever `more` its view needs. htmx, programs, and refusals that no other input would mend, get the usual answer.
 */
export async function showFormAgain(
  parts: Parts,
  ctx: RouteContext,
  view: string,
  submit: () => Promise<void>,
  more: Record<string, unknown> | (() => Promise<Record<string, unknown>>) = {},
) {
  try {
    await submit()
  } catch (error) {
    const refusal = asRefusal(error)
    if (ctx.state.form !== 'page' || ![422, 429, 503].includes(refusal.status)) {
      throw error
    }
    logCause(parts, error)
    const { username, email, name, next, draft, draft_of, reply_to } = ctx.state.fields ?? {}
    ctx.status = refusal.status
    ctx.set(refusal.headers)
    showPage(parts, ctx, view, {
      next: safePath(asText(next)),
      values: {
        username: asText(username),
        email: asText(email),
        name: asText(name),
        draft: asText(draft),
        draft_of: asText(draft_of),
        reply_to: asText(reply_to),
      },
      errors: besideTheirFields(refusal),
      ...(typeof more === 'function' ? await more() : more),
    })
  }
}

/** What is wrong with a field that cannot be seen, or with none, stands at the top of the form. */
function besideTheirFields({ errors = {}, message }: Refusal): FieldErrors {
  const fields = Object.entries(errors)
  const seen = fields.filter(([field]) => SEEN.has(field))
  const rest = fields.filter(([field]) => !SEEN.has(field)).flatMap(([, sentences]) => sentences)
  return { ...Object.fromEntries(seen), non_field_errors: fields.length > 0 ? rest : [message] }
}

const SEEN = new Set(['username', 'name', 'email', 'password', 'current_password', 'sure'])

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
