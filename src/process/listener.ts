import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createApp, createTutorialApp } from '../app.js'
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
  /** That of the tutorial's clients, where TUTORIAL_PORT is set. */
  tutorialPort: number | undefined
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
  const { tutorial } = parts.config
  const main = await openDoor(parts, createApp(parts), { host, port, setting: 'PORT' }, silence)
  const doors = [main]
  if (tutorial) {
    try {
      const where = { host, port: tutorial.port, setting: 'TUTORIAL_PORT' }
      doors.push(await openDoor(parts, createTutorialApp(parts), where, silence))
    } catch (error) {
      main.server.close()
      throw error
    }
  }
  const cut = () => {
    for (const door of doors) door.cut()
  }
  return {
    port: portOf(main),
    tutorialPort: doors[1] && portOf(doors[1]),
    cut,
    async close() {
      // The server closes only after its last connection. Those that are kept alive end with their next answer.
      for (const { server } of doors) {
        server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
      }
      parts.stopping = true
      if (drain > 0) {
        await wait(drain * 1000)
      }
      // Not before: readers come back soon, and the proxy might still send them here.
      parts.live.streams.close()
      const closeIdle = () => {
        for (const { server } of doors) server.closeIdleConnections()
      }
      const idle = setInterval(closeIdle, 50)
      const deadline = setTimeout(cut, PATIENCE)
      await Promise.all(doors.map(({ server }) => new Promise(resolve => server.close(resolve))))
      clearInterval(idle)
      clearTimeout(deadline)
    },
  }
}

/** A port on which requests come in. */
interface Door {
  server: Server
  /** Closes all its connections at once. */
  cut(): void
}

interface Where {
  host: string | undefined
  port: number
  /** The variable that says which port. */
  setting: string
}

async function openDoor(parts: Parts, app: ReturnType<typeof createApp>, where: Where, silence: number): Promise<Door> {
  const answer = boundUnsent(app.callback(), silence)
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
    server.once('error', error => reject(whyNot(error, where)))
    server.listen({ port: where.port, host: where.host }, resolve)
  })
  return {
    server,
    cut() {
      server.closeAllConnections()
      upgrades.cut()
    },
  }
}

const portOf = ({ server }: Door) => (server.address() as AddressInfo).port

/** Why the program cannot listen there, and what to do. */
function whyNot({ code = '', message }: NodeJS.ErrnoException, { host, port, setting }: Where): OperatorError {
  const where = `port ${port}${host ? ` of ${host}` : ''}`
  const reasons: Record<string, string> = {
    EADDRINUSE: `Another program listens on ${where} already. Choose another one with ${setting}.`,
    EACCES: `This user may not listen on ${where}. Choose another one with ${setting}.`,
    EADDRNOTAVAIL: `This machine does not have the address ${host}. Choose another one with HOST.`,
    ENOTFOUND: `There is no address for ${host}. Choose another one with HOST.`,
  }
  return new OperatorError(reasons[code] ?? `This program cannot listen on ${where}: ${message}.`)
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
