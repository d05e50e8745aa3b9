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

/** The answer to a request for a WebSocket. It is an ordinary answer until a handler accepts. */
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

  /** Opens the WebSocket and calls `begin`. A faulty handshake is answered with 400, and `fail` is called. */
  accept({ begin, fail }: { begin: (socket: WebSocket, wire: Duplex) => void; fail: () => void }) {
    this.detachSocket(this.wire)
    let begun = false
    sockets.handleUpgrade(this.req, this.wire, this.head, socket => {
      begun = true
      begin(socket, this.wire)
    })
    // The callback is called at once or never.
    if (!begun) {
      fail()
    }
  }
}

/**
 * Hands requests for WebSockets to the app. Node would keep them from it, but they must pass the same checks, limits and log in the same
 * order, and a refusal is an ordinary answer. `cut` closes their connections, which the server does not know any more.
 */
export function answerUpgrades(server: Server, answer: RequestListener): { cut(): void } {
  const wires = new Set<Socket>()
  server.on('upgrade', (request, stream, head) => {
    const wire = stream as Socket
    wire.on('error', () => wire.destroy())
    // The server closes only connections that it knows.
    wire.on('timeout', () => wire.destroy())
    if ((wire as { _httpMessage?: unknown })._httpMessage) {
      // An earlier request on this connection is not answered yet, and two answers at once are impossible. No client of ours does that.
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
 * A server may ignore the offer of a protocol that it does not speak (RFC 9110, section 7.8); curl offers HTTP/2 with all kinds of
 * requests. Node has taken its parser off the connection by now, so the request is written back to it without the offer.
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
