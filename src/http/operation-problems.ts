import { CODES, type Code } from '../codes.js'
import type { Marks } from './context.js'
import type { Operation } from './operations.js'

/** Where the original answers 400 for wrong input, and we do. */
const LIKE_THE_ORIGINAL: readonly Code[] = [
  'invalid_input',
  'name_taken',
  'name_alike',
  'wrong_credentials',
  'password_changed',
]

/** The status of a code in answers to that path. */
export function statusOf(code: Code, path: string): number {
  return path.startsWith('/auth/') && LIKE_THE_ORIGINAL.includes(code) ? 400 : CODES[code][0]
}

/** The codes of all problems that a request can be answered with. */
export function problemsOf(method: string, path: string, marks: Marks & { operation: Operation }): Code[] {
  const { operation, anonymous, cookieless, ticketed, entrance, rate, body, query } = marks
  const changes = method !== 'get'
  const codes: Code[] = [
    'malformed_request',
    'not_acceptable',
    'address_too_long',
    'unknown_field',
    'internal_error',
    'unavailable',
  ]
  const add = (holds: unknown, ...more: Code[]) => holds && codes.push(...more)
  add(!anonymous, 'invalid_token')
  add(ticketed, 'invalid_ticket')
  add(!anonymous && operation.scope !== 'any', 'insufficient_scope')
  add(operation.who !== 'anybody', 'no_credentials')
  add(operation.who === 'account', 'account_only')
  add(operation.who === 'owner', 'owner_only')
  add(operation.who === 'owner' || operation.who === 'member' || path.includes(':id'), 'not_found')
  add(changes && operation.who !== 'anybody' && path.includes(':uri'), 'chat_busy')
  add(changes && !anonymous && !cookieless, 'other_site', 'stale_form_token')
  add(entrance, 'no_cookies')
  add(rate, 'rate_limited')
  add(body || query, 'invalid_input')
  add(
    changes,
    'malformed_body',
    'not_utf8',
    'forbidden_field_name',
    'body_too_long',
    'too_many_fields',
    'unsupported_media_type',
    'compressed_body',
  )
  return [...new Set([...codes, ...(operation.problems ?? [])])]
}
