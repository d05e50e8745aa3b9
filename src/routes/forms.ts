import type { Context, Parts } from '../context.js'
import { asRefusal, type FieldErrors, type Refusal } from '../errors.js'
import { safePath } from '../input.js'
import { logCause } from '../log.js'
import { showPage } from '../respond.js'

/**
 * Does what a form asks for; where that is refused the form comes back with the reason beside what was typed, passwords
 * excepted. htmx, programs, and refusals that no other input would mend, get the usual answer.
 */
export async function showFormAgain(
  parts: Parts,
  ctx: Context,
  view: string,
  submit: () => Promise<void>,
  more: Record<string, unknown> = {},
) {
  try {
    await submit()
  } catch (error) {
    const refusal = asRefusal(error)
    if (ctx.state.form !== 'page' || ![422, 429, 503].includes(refusal.status)) {
      throw error
    }
    logCause(parts, error)
    const { username, email, name, next } = ctx.state.fields ?? {}
    ctx.status = refusal.status
    ctx.set(refusal.headers)
    showPage(parts, ctx, view, {
      next: safePath(asText(next)),
      values: { username: asText(username), email: asText(email), name: asText(name) },
      errors: besideTheirFields(refusal),
      ...more,
    })
  }
}

/** What is wrong with a field that cannot be seen, or with none, stands at the top of the form. */
function besideTheirFields({ errors = {}, message }: Refusal): FieldErrors {
  const { username, password, email, name, ...others } = errors
  const seen = Object.fromEntries(Object.entries({ username, password, email, name }).filter(([, value]) => value))
  const rest = Object.values(others).flat()
  return { ...(seen as FieldErrors), non_field_errors: Object.keys(errors).length > 0 ? rest : [message] }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
