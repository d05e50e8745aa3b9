import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Socket } from 'node:net'

/** The way from senders and readers to the program, or from the program to its database. */
export interface Relay {
  /** Where new connections lead from now on. */
  leadTo(target: NetConnectOpts): void
  /** Cuts all connections. */
  cutAll(): void
  /**
   * Cuts the next connections that carry something, so many of them: each after a random part of a request, or of an answer. A request that has
   * passed as a whole is done, and nobody is told so.
   */
  cutNext(count: number): void
  /** How many of these are still to be cut. */
  readonly left: number
  close(): Promise<void>
}

export async function openRelay(at: ListenOptions, first: NetConnectOpts): Promise<Relay> {
  let target = first
  let left = 0
  const sockets = new Set<Socket>()
  if (at.path) {
    await rm(at.path, { force: true })
  }
  const server = createServer(near => {
    const far = connect(target)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroySoon()
      })
      from.on('data', chunk => {
        if (left > 0 && Math.random() < 0.1) {
          left--
          to.write(chunk.subarray(0, Math.floor(Math.random() * (chunk.length + 1))), () => to.destroy())
          from.destroy()
        } else if (!to.write(chunk)) {
          from.pause()
        }
      })
      from.on('drain', () => to.resume())
    }
  })
  server.listen({ backlog: 4096, ...at })
  await once(server, 'listening')
  return {
    leadTo(next) {
      target = next
    },
    cutAll() {
      for (const socket of sockets) {
        socket.destroy()
      }
    },
    cutNext(count) {
      left += count
    },
    get left() {
      return left
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) {
        socket.destroy()
      }
      await closed
    },
  }
}
