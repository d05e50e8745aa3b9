import { CODES, type Code, type FieldCode } from './codes.js'

/** The sentences for each wrong field. Those that belong to no field are under `non_field_errors`. */
export type FieldErrors = Record<string, string[]>

/** What is wrong with a field. */
export interface Fault {
  field: string
  code: FieldCode
  sentence: string
}

interface Details {
  /** Where it is another one than that of the code. */
  status?: number | undefined
  headers?: Record<string, string>
  faults?: readonly Fault[]
  /** More members for the JSON answer. */
  extra?: Record<string, unknown>
}

/** An HTTP error: its code for programs, its status, and a sentence that the reader may see. */
export class Refusal extends Error {
  readonly code: Code
  readonly status: number
  readonly headers: Record<string, string>
  readonly errors: FieldErrors | undefined
  /** The code of each sentence of `errors`. */
  readonly field_codes: Record<string, FieldCode[]> | undefined
  readonly extra: Record<string, unknown>

  constructor(
    code: Code,
    sentence: string,
    { status = CODES[code][0], headers = {}, faults, extra = {} }: Details = {},
  ) {
    super(sentence)
    this.code = code
    this.status = status
    this.headers = headers
    this.errors = faults && byField(faults, ({ sentence }) => sentence)
    this.field_codes = faults && byField(faults, ({ code }) => code)
    this.extra = extra
  }

  /** The status in words. */
  get title(): string {
    return TITLES[this.status] ?? 'Error'
  }
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'You are signed out',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  406: 'Not acceptable',
  408: 'Too slow',
  409: 'Too many already',
  410: 'Gone',
  413: 'Too long',
  414: 'Address too long',
  415: 'Unsupported media type',
  417: 'Expectation failed',
  422: 'That will not do',
  429: 'Too many requests',
  431: 'Headers too long',
  500: 'Something went wrong',
  503: 'Not reachable at this moment',
}

/** Names of fields come from the request, so they must not be set one by one: `__proto__` would not become a field. */
function byField<Value>(faults: readonly Fault[], said: (fault: Fault) => Value): Record<string, Value[]> {
  const values = new Map<string, Value[]>()
  for (const fault of faults) {
    values.set(fault.field, [...(values.get(fault.field) ?? []), said(fault)])
  }
  return Object.fromEntries(values)
}

/** One field is wrong, for a reason that has a code of its own. */
export function invalid(code: Code, field: string, sentence: string, status?: number): Refusal {
  return new Refusal(code, sentence, { status, faults: [{ field, code, sentence }] })
}

/** `field` has a name that others could take for somebody else's. */
export function looksTaken(field: string, status?: number): Refusal {
  return invalid('name_alike', field, 'This name looks like that of somebody else. Please choose another.', status)
}

export function notSignedIn(
  code: Code = 'no_credentials',
  sentence = 'Authentication credentials were not provided.',
): Refusal {
  return new Refusal(code, sentence, { headers: { 'WWW-Authenticate': 'Token' } })
}

/** The same answer for what does not exist and for what the reader may not see. */
export function notFound(headers: Record<string, string> = {}): Refusal {
  return new Refusal('not_found', 'There is nothing at this address, or it is not yours to see.', { headers })
}

export function tooMany(seconds: number, sentence: string, headers: Record<string, string> = {}): Refusal {
  return new Refusal('rate_limited', sentence, { headers: { 'Retry-After': String(Math.ceil(seconds)), ...headers } })
}

export function unavailable(code: Code, sentence: string, seconds = 2): Refusal {
  return new Refusal(code, sentence, { headers: { 'Retry-After': String(seconds) } })
}

/**
 * Any exception as a refusal. One that was not thrown for the reader does not tell its cause: it is 503 if PostgreSQL cannot be reached
 * or is too busy, so that trying again can help, else 500.
 */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) {
    return error
  }
  const { code, status, expose, message } = error as {
    code?: unknown
    status?: unknown
    expose?: unknown
    message: string
  }
  if (expose === true && typeof status === 'number') {
    return new Refusal(status === 404 ? 'not_found' : 'malformed_request', message, { status })
  }
  if (code === '55P03') {
    return unavailable('chat_busy', 'This chat is busy at this moment. Please try again.')
  }
  if (whyNotNow(error) !== undefined) {
    return unavailable('unavailable', 'The chat cannot be reached at this moment. Please try again in a few seconds.')
  }
  return new Refusal('internal_error', 'Something went wrong here. It has been noted; please try again.')
}

/**
 * The codes of PostgreSQL (its manual, appendix A) that mean "not now", each with a sentence about the database for its operator. Two
 * characters name a whole class. docs/decisions/015 goes through all classes.
 */
const NOT_NOW: Readonly<Record<string, string>> = {
  '08': 'It cannot be reached.',
  // "cached plan must not change result type". A new connection plans again.
  '0A000': 'Its tables have changed since this program connected.',
  '25006': 'It takes no writes: it is read-only, or a standby.',
  '25P03': 'A transaction waited too long between two statements.',
  '25P04': 'A transaction took too long.',
  '26000': 'A pooler between it and this program has changed sessions.',
  '28': 'It does not let this program in.',
  '3D000': 'It does not exist, or is just being restored.',
  '40': 'It ended a transaction in favour of another one.',
  '42501': 'It does not permit this program what it needs.',
  '42P05': 'A pooler between it and this program has changed sessions.',
  '53': 'It lacks something that it needs, such as memory.',
  '53100': 'Its disk is full.',
  '53300': 'It has too many connections already.',
  '55000': 'It takes no connections, or is not in the state for this.',
  '55006': 'It is being used by something that excludes this program.',
  '55P03': 'Something holds a lock for too long.',
  '57': 'It ended the connection.',
  '57014': 'It ended a statement, which took too long or was cancelled by hand.',
  '57P03': 'It is starting or stopping.',
  '58': 'Its machine cannot read or write its files.',
  '72': 'It has cleaned away rows that a long statement still needed.',
  F0: 'Its configuration cannot be read.',
  XX: 'It has met an error of its own, or damaged files.',
}

/** Why the database cannot work now, as a sentence about "it". Undefined for every other error. */
export function whyNotNow(error: unknown): string | undefined {
  if (error instanceof AggregateError) {
    return error.errors.map(whyNotNow).find(Boolean)
  }
  const { code, syscall, message, unconnected } = error as Record<string, unknown>
  const known = typeof code === 'string' ? (NOT_NOW[code] ?? NOT_NOW[code.slice(0, 2)]) : undefined
  if (known && /^[0-9A-Z]{5}$/.test(String(code))) {
    return known
  }
  if (/^timeout (expired|exceeded)|^Query read timeout/.test(String(message))) {
    return 'It does not answer in time.'
  }
  const isOfSocket = SOCKET_CALLS.test(String(syscall)) || SOCKET_CODES.test(String(code))
  return unconnected || isOfSocket || CONNECTION_WORDS.test(String(message)) ? 'It cannot be reached.' : undefined
}

/** Whether the database refused to write and may still be read. */
export function isReadOnly(error: unknown): boolean {
  return (error as { code?: unknown }).code === '25006'
}

/** Node's own errors name the system call. Reading a file or a folder begins with opening it, which is not among these. */
const SOCKET_CALLS = /^(connect|getaddrinfo|read|write|writev|shutdown)$/
const SOCKET_CODES = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ERR_STREAM_(DESTROYED|WRITE_AFTER_END)|ERR_SOCKET_\w+)$/

/** What pg, its pool and Kysely say without a code. The last of these comes where a process stops. */
const CONNECTION_WORDS =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|Cannot use a pool after|[Rr]eceived (unexpected|invalid)|driver has already been destroyed)/
