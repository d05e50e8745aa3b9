import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'rabbitmq-client'

/** What a client of AMQP 0-9-1 says first. */
const HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')

/** The first byte of what a server answers by TLS to a client without it (RFC 8446, section 5.1). */
const TLS_ALERT = 21

/** More than any broker needs for its first frame, in bytes. */
const FRAME = 65_536

/**
 * Rejects unless a broker answers there. The library believes whatever length a frame claims: the word HTTP is read as more than a gigabyte,
 * and then its error, which nobody can catch, ends the program.
 */
export async function greetedByBroker({ hostname, port, tls }: ConnectionOptions, milliseconds: number): Promise<void> {
  const at = { host: hostname, port: Number(port) }
  const socket = tls ? connectTls({ ...at, ...(tls === true ? {} : tls) }) : connectTcp(at)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(milliseconds, () => reject(new Error('Connection timed out: no broker answers there')))
      socket.once('error', error => reject(inWords(error)))
      socket.once('close', () => reject(new Error('Connection closed: no broker answers there')))
      let start = Buffer.alloc(0)
      socket.on('data', chunk => {
        start = Buffer.concat([start, chunk])
        // The alert is shorter, and the server may reset the connection right behind it.
        if (start.length >= HEADER.length || start[0] === TLS_ALERT) {
          const error = faultOf(start)
          error ? reject(error) : resolve()
        }
      })
      socket.write(HEADER)
    })
  } finally {
    socket.destroy()
  }
}

/** Of the first eight bytes of a server. */
function faultOf(start: Buffer): Error | undefined {
  if (start.toString('latin1', 0, 4) === 'AMQP') {
    return new Error(`This version of AMQP is not supported; the server suggests ${start.subarray(4).join('-')}`)
  }
  if (start[0] === TLS_ALERT) {
    return new Error('What answers there speaks TLS: its URL begins with amqps')
  }
  // The broker's first frame is a method, of no channel.
  const isBroker = start[0] === 1 && start.readUInt16BE(1) === 0 && start.readUInt32BE(3) < FRAME
  return isBroker ? undefined : new Error('What answers there is no broker')
}

/** The message of OpenSSL's own errors is a place in its sources. Those about certificates are Node's, and say it well. */
function inWords(error: Error): Error {
  const { code = '', reason } = error as { code?: string; reason?: string }
  return code === 'EPROTO' || code.startsWith('ERR_SSL_')
    ? new Error(`What answers there speaks no TLS, or not as this program does: ${reason ?? code}`)
    : error
}
