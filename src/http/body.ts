import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { LIMITS } from '../config.js'
import { Refusal } from '../errors.js'
import type { Context, Fields, Middleware } from './context.js'
import { beginUpload } from './uploads.js'

const FORM = 'application/x-www-form-urlencoded'
const MULTIPART = 'multipart/form-data'
// Browsers use the last one to report what a page's policy has blocked.
const JSON_TYPES = ['application/json', 'application/csp-report']

/**
 * Reads the fields of a form, a multipart form without files, or a JSON object. It is stricter than the usual parsers. They turn bytes
 * that are not UTF-8 into U+FFFD, so that another text is stored than was sent.
 */
export function readBody(): Middleware {
  return async (ctx, next) => {
    if (ctx.state.marks.upload && (await beginUpload(ctx))) {
      try {
        await next()
      } finally {
        await ctx.state.upload?.end()
      }
      return
    }
    if (['POST', 'PUT', 'PATCH', 'DELETE'].includes(ctx.method)) {
      ctx.state.fields = await readFields(ctx)
    }
    await next()
  }
}

/** The fields of one request. Its body is read once, however often this is called. Throws 400, 413 or 415. */
export async function readFields(ctx: Context): Promise<Fields> {
  ctx.state.body ??= bytes(ctx.req)
  const body = await ctx.state.body
  if (!['', 'identity'].includes(ctx.get('content-encoding').toLowerCase())) {
    throw new Refusal('compressed_body', 'Send the body as it is, not compressed.', {
      headers: { 'Accept-Encoding': 'identity' },
    })
  }
  const type = ctx.request.type.toLowerCase()
  if (body.length === 0) {
    return {}
  }
  return ctx.state.marks.textBody && isPlainText(type, body)
    ? { message: plainText(body) }
    : fields(type, ctx.get('content-type'), body)
}

/**
 * Throws 413 as soon as the body is known to be too long. The rest is read and dropped, for as long as the server lets a request last:
 * a browser does not read the answer before it has sent its body. (To leave the request's iterator early would destroy the connection,
 * and the answer with it.)
 */
function bytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= LIMITS.body) {
        chunks.push(chunk)
      } else {
        reject(new Refusal('body_too_long', `That is too long: at most ${LIMITS.body / 1024} KiB can be sent at once.`))
      }
    })
    request.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', () => reject(new Refusal('malformed_body', 'The request ended before its body was complete.')))
  })
}

/** `curl -d 'deploy done'` says that it sends a form. A form that means to be one has the field. */
function isPlainText(type: string, body: Buffer): boolean {
  return type === '' || type === 'text/plain' || (type === FORM && !/(?:^|&)message=/.test(body.toString('latin1')))
}

function plainText(body: Buffer): string {
  if (!isUtf8(body)) {
    throw notUtf8()
  }
  return body.toString()
}

function notUtf8(): Refusal {
  return new Refusal('not_utf8', 'The text is not valid UTF-8.')
}

/** Throws 400, 413 or 415 for a body that has no fields that can be read. */
export async function fields(type: string, contentType: string, body: Buffer): Promise<Fields> {
  if (![FORM, MULTIPART, ...JSON_TYPES].includes(type)) {
    throw new Refusal('unsupported_media_type', `Unsupported media type "${type}" in request.`)
  }
  if (countFields(type, body) > LIMITS.fields) {
    throw new Refusal('too_many_fields', `At most ${LIMITS.fields} fields can be sent at once.`)
  }
  if (!isUtf8(body) || (type === FORM && !escapesAreUtf8(body.toString('latin1')))) {
    throw notUtf8()
  }
  const pairs = JSON_TYPES.includes(type) ? jsonPairs(body) : await formPairs(contentType, type, body)
  const collected: Record<string, unknown> = Object.create(null)
  for (const [written, value] of pairs) {
    const name = written.replace(/\[\]$/, '')
    if (name === '__proto__' || name === 'constructor' || name === 'prototype') {
      throw new Refusal('forbidden_field_name', `A field cannot be called "${name}".`)
    }
    const before = name in collected ? [collected[name]].flat() : []
    collected[name] = name in collected || name !== written ? [...before, value] : value
  }
  return collected
}

/** At least the number of fields, counted before any is parsed: 64 KiB can hold 30,000. Fields of nested objects count too. */
function countFields(type: string, body: Buffer): number {
  if (type === MULTIPART) {
    return body.toString('latin1').match(/content-disposition/gi)?.length ?? 0
  }
  const isForm = type === FORM
  let count = isForm ? 1 : 0
  let quoted = false
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (!isForm && byte === BACKSLASH) {
      at++
    } else if (!isForm && byte === QUOTE) {
      quoted = !quoted
    } else if (byte === (isForm ? AMPERSAND : COLON) && !quoted) {
      count++
    }
  }
  return count
}

const [AMPERSAND, COLON, QUOTE, BACKSLASH] = Buffer.from('&:"\\')

function escapesAreUtf8(form: string): boolean {
  return (form.match(/(?:%[0-9a-f]{2})+/gi) ?? []).every(run => {
    try {
      return decodeURIComponent(run) !== ''
    } catch {
      return false
    }
  })
}

function jsonPairs(body: Buffer): [string, unknown][] {
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw new Refusal('malformed_body', 'JSON parse error: the body is not valid JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal('malformed_body', 'JSON parse error: the body must be an object with fields.')
  }
  return Object.entries(value)
}

/** By the parsers that come with Node. That of multipart forms reads the other kind too, and takes twenty times as long. */
async function formPairs(contentType: string, type: string, body: Buffer): Promise<[string, unknown][]> {
  if (type === FORM) {
    return [...new URLSearchParams(body.toString())]
  }
  let form: FormData
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
  } catch {
    throw new Refusal('malformed_body', 'The form could not be read.')
  }
  return [...form.entries()]
}
