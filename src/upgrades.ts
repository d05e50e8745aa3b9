import { type IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { LIMITS } from './config.js'

const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LIMITS.body,
})

/** The answer to a request that would go on in another protocol. Until a handler says so, it is one like any other. */
export class UpgradeResponse extends ServerResponse {
  private readonly wire: Duplex
  private readonly head: Buffer

  constructor(request: IncomingMessage, wire: Duplex, head: Buffer) {
    super(request)
    this.wire = wire
    this.head = head
    this.shouldKeepAlive = false
    this.assignSocket(wire as Parameters<ServerResponse['assignSocket']>[0])
    this.on('finish', () => wire.end())
  }

  get asksForWebSocket(): boolean {
    return this.req.headers.upgrade?.toLowerCase() === 'websocket'
  }

  /** Goes on as a WebSocket. Where the handshake is at fault, which is answered with 400, it fails. */
  accept({ begin, fail }: { begin: (socket: WebSocket, wire: Duplex) => void; fail: () => void }) {
    this.detachSocket(this.wire as Parameters<ServerResponse['detachSocket']>[0])
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
 * Hands requests to change the protocol to the app as well, which Node keeps from it: they meet the same checks, limits and log in
 * the same order, and a refusal is an ordinary answer.
 */
export function answerUpgrades(server: Server, answer: RequestListener) {
  server.on('upgrade', (request, wire, head) => {
    wire.on('error', () => wire.destroy())
    if (request.method === 'GET') {
      answer(request, new UpgradeResponse(request, wire, head))
    } else {
      // Its body is lost to us.
      wire.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    }
  })
}
