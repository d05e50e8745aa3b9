import type { IncomingMessage } from 'node:http'
import { LIMITS } from '../config.js'
import { Refusal } from '../errors.js'
import type { Context, Fields, Upload } from './context.js'
import { SILENCE } from './unsent.js'

const uploading = new WeakSet<object>()

/** Whether a file comes by that connection: it may take longer than other requests, for as long as something of it comes. */
export function isUploading(socket: object): boolean {
  return uploading.has(socket)
}

const LINES = ['application/x-ndjson', 'application/jsonl', 'application/json-lines']

/**
 * Prepares the reading of a file: the body itself, or the last field of a form, behind all others. Returns false where the body is neither. Throws
 * 400 or 413.
 */
export async function beginUpload(ctx: Context): Promise<boolean> {
  const { req } = ctx
  const type = ctx.request.type.toLowerCase()
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(ctx.get('content-type')) ?? []
  const boundary = type === 'multipart/form-data' ? (quoted ?? bare) : undefined
  if (ctx.get('content-encoding') || !(boundary || type === 'application/json' || LINES.includes(type))) {
    return false
  }
  const chunks = chunksOf(req)
  const end = async () => {
    await chunks.return(undefined)
    req.resume()
  }
  if (!boundary) {
    ctx.state.fields = {}
    ctx.state.upload = { isDocument: type === 'application/json', bytes: chunks, end }
    return true
  }
  const { fields, file } = await readForm(chunks, boundary).catch(async error => {
    await end()
    throw error
  })
  ctx.state.fields = fields
  ctx.state.upload = { ...file, end }
  return true
}

/** What comes by the request, without its end being an error for who stops reading. */
async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  let bytes = 0
  uploading.add(request.socket)
  request.socket.setTimeout(SILENCE)
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length
      if (bytes > LIMITS.importBytes) {
        throw new Refusal('body_too_long', 'That is too long: 2 GiB can be sent at once.')
      }
      yield chunk
    }
  } catch (error) {
    throw error instanceof Refusal
      ? error
      : new Refusal('malformed_body', 'The request ended before its body was complete.')
  } finally {
    request.socket.setTimeout(0)
  }
}

/** The fields of a multipart form up to its file (RFC 7578), which is left to be read. */
async function readForm(
  chunks: AsyncGenerator<Buffer>,
  boundary: string,
): Promise<{ fields: Fields; file: Omit<Upload, 'end'> }> {
  const form = new Form(chunks, Buffer.from(`\r\n--${boundary}`))
  const fields: Record<string, unknown> = Object.create(null)
  await form.upTo(form.mark)
  for (;;) {
    const head = (await form.upTo(HEAD_END)).toString()
    const [, name = ''] = /\bname="([^"]*)"/i.exec(head) ?? []
    const [, file] = /\bfilename="([^"]*)"/i.exec(head) ?? []
    if (!head.startsWith('\r\n') || name === '') {
      throw new Refusal('malformed_body', 'The form could not be read: it has no file.')
    }
    if (file !== undefined) {
      return { fields, file: { isDocument: /\.json$/i.test(file), bytes: form.rest() } }
    }
    if (name === '__proto__' || Object.keys(fields).length >= LIMITS.fields) {
      throw new Refusal('forbidden_field_name', `A field cannot be called "${name.slice(0, 50)}".`)
    }
    fields[name] = (await form.upTo(form.mark)).toString()
  }
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Reads a form piece by piece. What is not the file has 64 KiB at most. */
class Form {
  /** Ends each part. */
  readonly mark: Buffer
  private readonly chunks: AsyncGenerator<Buffer>
  private buffer = Buffer.from('\r\n')
  private taken = 0

  constructor(chunks: AsyncGenerator<Buffer>, mark: Buffer) {
    this.chunks = chunks
    this.mark = mark
  }

  /** What comes before the end, which is passed over. */
  async upTo(end: Buffer): Promise<Buffer> {
    for (let from = 0; ; ) {
      const at = this.buffer.indexOf(end, from)
      if (at >= 0) {
        const part = this.buffer.subarray(0, at)
        this.buffer = this.buffer.subarray(at + end.length)
        this.taken += part.length
        return part
      }
      from = Math.max(0, this.buffer.length - end.length)
      if (this.taken + this.buffer.length > LIMITS.body + 64 * 1024) {
        throw new Refusal('body_too_long', 'The fields of this form are too long.')
      }
      await this.more()
    }
  }

  /** The file: everything up to the next mark, as it comes. */
  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.buffer.indexOf(this.mark)
      const safe = at >= 0 ? at : this.buffer.length - this.mark.length
      if (safe > 0) {
        yield this.buffer.subarray(0, safe)
        this.buffer = this.buffer.subarray(safe)
      }
      if (at >= 0) {
        return
      }
      await this.more()
    }
  }

  private async more() {
    const { value, done } = await this.chunks.next()
    if (done) {
      throw new Refusal('malformed_body', 'The request ended before its body was complete.')
    }
    this.buffer = Buffer.concat([this.buffer, value])
  }
}
