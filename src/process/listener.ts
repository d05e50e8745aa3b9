import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createApp } from '../app.js'
import type { Config } from '../config.js'
import { lanAddresses } from '../http/address.js'
import type { Parts } from '../http/context.js'
import { refuseUnreadable } from '../http/malformed.js'
import { boundUnsent, SILENCE } from '../http/unsent.js'
import { answerUpgrades } from '../http/websockets.js'
import { OperatorError } from '../operator-error.js'

/** How long requests may take to finish after the program was told to stop, in milliseconds. */
const PATIENCE = 10_000

interface Listener {
  port: number
  /**
   * Goes on for DRAIN, not ready, so that a proxy can notice. Then it ends the streams, lets requests finish, and closes connections that wait for
   * another request.
   */
  close(): Promise<void>
  /** Closes all connections at once. */
  cut(): void
}

/**
 * Listens for requests. Throws an OperatorError where it cannot. `silence`: how long a reader may pause in a complete answer, in
 * milliseconds.
 */
export async function listen(
  parts: Parts,
  { host, port, drain = 0 }: Pick<Config, 'host' | 'port'> & Partial<Pick<Config, 'drain'>>,
  silence = SILENCE,
): Promise<Listener> {
  const answer = boundUnsent(createApp(parts).callback(), silence)
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      // Behind a proxy a connection must stay open for longer than the proxy keeps it, which is usually 60 s.
      keepAliveTimeout: 65_000,
      connectionsCheckingInterval: 5_000,
      // src/http/malformed.ts says it with a sentence.
      requireHostHeader: false,
    },
    answer,
  )
  refuseUnreadable(server, parts.refusals)
  const upgrades = answerUpgrades(server, answer)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `port ${port}${host ? ` of ${host}` : ''}`
      const reasons: Record<string, string> = {
        EADDRINUSE: `Another program listens on ${where} already. Choose another one with PORT.`,
        EACCES: `This user may not listen on ${where}. Choose another one with PORT.`,
        EADDRNOTAVAIL: `This machine does not have the address ${host}. Choose another one with HOST.`,
        ENOTFOUND: `There is no address for ${host}. Choose another one with HOST.`,
      }
      reject(
        new OperatorError(reasons[error.code ?? ''] ?? `This program cannot listen on ${where}: ${error.message}.`),
      )
    })
    server.listen({ port, host }, resolve)
  })
  const cut = () => {
    server.closeAllConnections()
    upgrades.cut()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async close() {
      // The server closes only after its last connection. Those that are kept alive end with their next answer.
      server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
      parts.stopping = true
      if (drain > 0) {
        await wait(drain * 1000)
      }
      // Not before: readers come back soon, and the proxy might still send them here.
      parts.live.streams.close()
      const idle = setInterval(() => server.closeIdleConnections(), 50)
      const deadline = setTimeout(cut, PATIENCE)
      await new Promise(resolve => server.close(resolve))
      clearInterval(idle)
      clearTimeout(deadline)
    },
  }
}

/** The URLs of the program. Where PUBLIC_URL is set it is the only one, as forms and cookies are bound to it. */
export function urls({ host, publicUrl }: Config, port: number): string[] {
  if (publicUrl) {
    return [publicUrl.href]
  }
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::'
  const hosts = everywhere ? ['localhost', ...lanAddresses()] : [host.includes(':') ? `[${host}]` : host]
  return hosts.map(name => `http://${name}:${port}/`)
}
