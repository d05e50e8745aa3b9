import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import { CODES, type Code } from '../codes.js'
import { Refusal } from '../errors.js'
import type { Tally } from '../tally.js'
import { parsedUrl } from '../urls.js'
import type { Middleware, Parts } from './context.js'
import { NOT_STORED } from './headers.js'
import { CODES_PATH, problemJson } from './json.js'
import { isUploading } from './uploads.js'

/** RFC 9110, section 7.2: a name or an address, and possibly a port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]*|\[[\da-f:.]+\])(?::\d*)?$/i

/** Answers 400 to what HTTP does not allow. It comes first, as all other code relies on a valid address and Host header. */
export function refuseMalformed({ log, refusals }: Parts): Middleware {
  return (ctx, next) => {
    const fault = faultOf(ctx.req)
    if (!fault) {
      return next()
    }
    log.debug({ status: 400 }, 'A malformed request')
    refusals.note('malformed_request')
    ctx.status = 400
    ctx.set(HEADERS)
    ctx.body = problem('malformed_request', fault)
    ctx.type = PROBLEM
    return Promise.resolve()
  }
}

const PROBLEM = 'application/problem+json'

const HEADERS = {
  'Cache-Control': NOT_STORED,
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex, nofollow',
}

/** Where even the host is not known, the address of the page that explains the code is relative (RFC 9457, section 3.1.1). */
function problem(code: Code, sentence: string): string {
  return JSON.stringify(problemJson(new Refusal(code, sentence), CODES_PATH))
}

/** What Node does not hand on as a request: our codes and sentences by the codes of its errors. */
const UNREADABLE: Record<string, [Code, string]> = {
  HPE_HEADER_OVERFLOW: ['headers_too_long', 'The headers of this request are too long: 16 KiB can be sent at once.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body_too_long', 'The chunks of this request say too much beside what they hold.'],
  HPE_INVALID_METHOD: ['malformed_request', 'The method of this request is none of HTTP.'],
  HPE_INVALID_URL: ['malformed_request', 'The address of this request has characters that have to be written with %.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['too_slow', 'This request did not come to its end in time.'],
}

const NO_HTTP = ['malformed_request', 'This request cannot be read: it is not HTTP.'] as const

/** Answers with problem details what Node would refuse by a bare status: what it cannot read, and the header Expect. */
export function refuseUnreadable(server: Server, refusals: Tally<Code>) {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isUploading(socket)) {
      return
    }
    // While an answer is on its way nothing may come between. Node itself looks there too, and has no other place for it.
    const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse }
    if (error.code === 'ECONNRESET' || !socket.writable || answer?.headersSent) {
      socket.destroy(error)
      return
    }
    const [code, sentence] = UNREADABLE[error.code ?? ''] ?? NO_HTTP
    const [status] = CODES[code]
    refusals.note(code)
    const body = problem(code, sentence)
    const lines = Object.entries({
      ...HEADERS,
      'Content-Type': PROBLEM,
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  })
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    refusals.note('unmet_expectation')
    const body = problem('unmet_expectation', 'Only 100-continue can be expected here.')
    const length = Buffer.byteLength(body)
    response.writeHead(417, { ...HEADERS, 'Content-Type': PROBLEM, 'Content-Length': length, Connection: 'close' })
    response.end(body)
  })
}

function faultOf({ url = '', rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  // Node keeps the first one only. A proxy in front may have used the last one.
  let hosts = 0
  for (let place = 0; place < rawHeaders.length; place += 2) {
    hosts += rawHeaders[place]?.toLowerCase() === 'host' ? 1 : 0
  }
  if (hosts > 1) {
    return 'This request has more than one Host header. Send one.'
  }
  if (hosts === 0 && httpVersion !== '1.0') {
    return 'This request has no Host header. Send the host of the address.'
  }
  if (!HOST.test(headers.host ?? '')) {
    return 'The Host header of this request is no host. Send the one of the address.'
  }
  // An address without a slash at its start is parsed as a whole URL (RFC 9112, section 3.2.2).
  if (!url.startsWith('/') && url !== '*' && !parsedUrl(url)) {
    return 'The address of this request cannot be read.'
  }
  return undefined
}

/**
 * Whether an answer failed because of its reader, who closed the connection or did not send HTTP. That is no failure of ours. An error
 * of a system call is one of the connection, as nothing else makes system calls there.
 */
export function isReadersFault({ code = '', syscall }: NodeJS.ErrnoException): boolean {
  return syscall !== undefined || /^(ECONNRESET|EPIPE|(ERR_STREAM|ERR_SOCKET|HPE)_\w+)$/.test(code)
}
