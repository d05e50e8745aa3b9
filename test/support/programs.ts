import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'

/** Skips a test if a program is missing, except in CI. */
export function skipWithout(program: string, ...args: string[]) {
  return async function (this: Mocha.Context) {
    const [error] = await new Promise<[Error | null]>(resolve => execFile(program, args, error => resolve([error])))
    if (error) {
      if (process.env.CI === 'true') {
        throw new Error(`This test needs ${program}. Please install it.`)
      }
      this.skip()
    }
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export interface Service {
  /** What it has printed. */
  readonly said: string
  stop(): Promise<void>
}

/** Starts a program that listens on the port, and waits until it does. */
export async function startService(
  port: number,
  [program = '', ...args]: string[],
  account: { uid?: number; gid?: number } = {},
): Promise<Service> {
  let said = ''
  const child = spawn(program, args, { ...account, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      said += chunk
    })
  }
  const deadline = Date.now() + 30_000
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`${program} does not listen: ${said}`)
    }
  }
  return {
    get said() {
      return said
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Whether something listens on the port of loopback. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise(resolve => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => setTimeout(() => resolve(false), 50))
  }).then(yes => {
    socket.destroy()
    return yes as boolean
  })
}
