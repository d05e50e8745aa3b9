import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { LIMITS } from '../config.js'

const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LIMITS.body,
})

/** The answer to a request for a WebSocket. Until a handler accepts, it is an answer like any other. */
export class UpgradeResponse extends ServerResponse {
  private readonly wire: Socket
  private readonly head: Buffer

  constructor(request: IncomingMessage, wire: Socket, head: Buffer) {
    super(request)
    this.wire = wire
    this.head = head
    this.shouldKeepAlive = false
    this.assignSocket(wire)
    this.on('finish', () => wire.destroySoon())
  }

  /** Goes on as a WebSocket. Where the handshake is at fault, which is answered with 400, it fails. */
  accept({ begin, fail }: { begin: (socket: WebSocket, wire: Duplex) => void; fail: () => void }) {
    this.detachSocket(this.wire)
    let begun = false
    sockets.handleUpgrade(this.req, this.wire, this.head, socket => {
      begun = true
      begin(socket, this.wire)
    })
    // The callback comes at once or never.
    if (!begun) {
      fail()
    }
  }
}

/**
 * Hands requests for WebSockets to the app, from which Node keeps them: they meet the same checks, limits and log in the same
 * order, and a refusal is an ordinary answer. Returns what cuts their connections, which the server does not count as its own.
 */
export function answerUpgrades(server: Server, answer: RequestListener): { cut(): void } {
  const wires = new Set<Socket>()
  server.on('upgrade', (request, stream, head) => {
    const wire = stream as Socket
    wire.on('error', () => wire.destroy())
    // Node ends those alone that it counts as its own.
    wire.on('timeout', () => wire.destroy())
    if ((wire as { _httpMessage?: unknown })._httpMessage) {
      // Sent behind a request that is not answered yet: no client of ours does, and two answers at once do not go.
      wire.destroy()
    } else if (request.headers.upgrade?.toLowerCase() === 'websocket' && request.method === 'GET') {
      wires.add(wire)
      wire.once('close', () => wires.delete(wire))
      answer(request, new UpgradeResponse(request, wire, head))
    } else {
      takeAsItIs(server, request, wire, head)
    }
  })
  return {
    cut() {
      for (const wire of wires) {
        wire.destroy()
      }
    },
  }
}

/**
 * A protocol that we do not speak may be passed over (RFC 9110, section 7.8): curl offers HTTP/2 like that with requests of all
 * kinds. Node has taken its parser off the connection by now, so the request is put back without the offer.
 */
function takeAsItIs(server: Server, request: IncomingMessage, wire: Socket, head: Buffer) {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`, 'Connection: close']
  for (let place = 0; place < rawHeaders.length; place += 2) {
    if (!/^(upgrade|connection|http2-settings)$/i.test(rawHeaders[place] ?? '')) {
      lines.push(`${rawHeaders[place]}: ${rawHeaders[place + 1]}`)
    }
  }
  wire.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', wire)
}
