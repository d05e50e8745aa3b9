import type { IncomingMessage } from 'node:http'
import type { Middleware, Parts } from './context.js'
import { NOT_STORED } from './headers.js'

/** RFC 9110, section 7.2: a name or an address, and possibly a port. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]*|\[[\da-f:.]+\])(?::\d*)?$/i

/** Answers 400 to what HTTP does not allow. It comes first, as all other code relies on a valid address and Host header. */
export function refuseMalformed({ log }: Parts): Middleware {
  return (ctx, next) => {
    const fault = faultOf(ctx.req)
    if (!fault) {
      return next()
    }
    log.debug({ status: 400 }, 'A malformed request')
    ctx.status = 400
    ctx.set({
      'Cache-Control': NOT_STORED,
      'X-Content-Type-Options': 'nosniff',
      'X-Robots-Tag': 'noindex, nofollow',
    })
    ctx.body = `${fault}\n`
    return Promise.resolve()
  }
}

function faultOf({ url = '', rawHeaders, headers }: IncomingMessage): string | undefined {
  // Node keeps the first one only. A proxy in front may have used the last one.
  let hosts = 0
  for (let place = 0; place < rawHeaders.length; place += 2) {
    hosts += rawHeaders[place]?.toLowerCase() === 'host' ? 1 : 0
  }
  if (hosts > 1) {
    return 'This request has more than one Host header. Send one.'
  }
  if (!HOST.test(headers.host ?? '')) {
    return 'The Host header of this request is no host. Send the one of the address.'
  }
  // An address without a slash at its start is parsed as a whole URL (RFC 9112, section 3.2.2).
  if (!url.startsWith('/') && url !== '*' && !URL.canParse(url)) {
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
