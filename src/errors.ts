/** The sentences for each field that was wrong; `non_field_errors` for those that belong to none. */
export type FieldErrors = Record<string, string[]>

interface Details {
  headers?: Record<string, string>
  errors?: FieldErrors
  /** More members for the JSON answer. */
  extra?: Record<string, unknown>
}

/** Ends a request with a status and a sentence that its sender may read. */
export class Refusal extends Error {
  readonly status: number
  readonly headers: Record<string, string>
  readonly errors: FieldErrors | undefined
  readonly extra: Record<string, unknown>

  constructor(status: number, sentence: string, { headers = {}, errors, extra = {} }: Details = {}) {
    super(sentence)
    this.status = status
    this.headers = headers
    this.errors = errors
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
  410: 'Gone',
  413: 'Too long',
  414: 'Address too long',
  415: 'Unsupported media type',
  422: 'That will not do',
  429: 'Too many requests',
  500: 'Something went wrong',
  503: 'Not reachable at this moment',
}

export function invalid(errors: FieldErrors, status = 422): Refusal {
  return new Refusal(status, Object.values(errors).flat().join(' '), { errors })
}

export function notSignedIn(sentence = 'Authentication credentials were not provided.'): Refusal {
  return new Refusal(401, sentence, { headers: { 'WWW-Authenticate': 'Token' } })
}

/** The one answer for a chat that does not exist and for one that is not yours. */
export function notFound(sentence = 'There is nothing at this address, or it is not yours to see.'): Refusal {
  return new Refusal(404, sentence)
}

export function tooMany(seconds: number, sentence: string): Refusal {
  return new Refusal(429, sentence, { headers: { 'Retry-After': String(Math.ceil(seconds)) } })
}

export function unavailable(sentence: string, seconds = 2): Refusal {
  return new Refusal(503, sentence, { headers: { 'Retry-After': String(seconds) } })
}

/**
 * Any exception as a refusal. What was not thrown for the visitor to read says nothing of its cause: 503 where
 * PostgreSQL is out of reach or too busy, so that trying again can help, else 500.
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
    return new Refusal(status, message)
  }
  if (code === '55P03') {
    return unavailable('This chat is busy at this moment. Please try again.')
  }
  if (isOutage(error)) {
    return unavailable('The chat cannot be reached at this moment. Please try again in a few seconds.')
  }
  return new Refusal(500, 'Something went wrong here. It has been noted; please try again.')
}

/** Whether the database could not be asked, as opposed to having said no. */
function isOutage(error: unknown): boolean {
  if (error instanceof AggregateError) {
    return error.errors.some(isOutage)
  }
  const { code, message } = error as { code?: unknown; message?: unknown }
  return (
    (typeof code === 'string' && OUTAGE_CODES.test(code)) || (typeof message === 'string' && OUTAGE_WORDS.test(message))
  )
}

/**
 * SQLSTATE: 08 connection, 53 no resources, 57 shut down or cancelled, 55000 takes no connections, 3D000 not there (while a backup
 * is being restored), 25P03 idle in transaction, 40 rolled back.
 * 55P03, a lock not had in time, is the chat's and has a sentence of its own.
 */
const OUTAGE_CODES =
  /^(08...|53...|57...|55000|3D000|25P03|40...|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/

/** pg gives these no code. */
const OUTAGE_WORDS =
  /^(Connection terminated|timeout (expired|exceeded)|Client has encountered a connection error|Cannot use a pool after)/
