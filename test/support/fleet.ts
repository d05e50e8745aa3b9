import { FRONTS, type Front } from './fronts.js'
import { type Machines, openMachines } from './machines.js'
import { freePort, skipWithout } from './programs.js'
import { type Running, temporaryFolder } from './server.js'

/** How the program is run behind each proxy (docs/running.md, section 4): once by one process, once by two. */
const MORE = { nginx: {}, caddy: { DRAIN: '5', WEB_CONCURRENCY: '2' } }

/** Two machines that serve behind a proxy. */
export interface Fleet {
  /** The proxy's, without a slash at the end. */
  url: string
  front: Front
  machines: Machines
  /** The program on each machine. */
  running: Running[]
  /** Starts it again where it has ended. */
  restart(place: number): Promise<void>
  close(): Promise<void>
}

/** Skips the test where the proxy is missing. */
export async function openFleet(this: Mocha.Context, name: keyof typeof FRONTS): Promise<Fleet> {
  const { program, version, open } = FRONTS[name]
  await skipWithout(program, version).call(this)
  const closing: (() => unknown)[] = []
  const close = async () => {
    for (const end of closing.splice(0).reverse()) {
      await end()
    }
  }
  try {
    const folder = await temporaryFolder(`chatire-fleet-${name}-`)
    closing.push(folder.remove)
    const machines = await openMachines(folder.path)
    closing.push(machines.close)
    const port = await freePort()
    const url = `http://localhost:${port}`
    const running: Running[] = []
    closing.push(async () => {
      for (const { child, ended } of running) {
        child.kill('SIGKILL')
        await ended
      }
    })
    const restart = async (place: number) => {
      running[place] = await machines.start(place, {
        PUBLIC_URL: url,
        TRUST_PROXY: '1',
        LOG_LEVEL: 'debug',
        ...MORE[name],
      })
    }
    // One after the other, as the first one makes the tables.
    for (const place of machines.upstreams.keys()) {
      await restart(place)
    }
    const front = await open(folder.path, port, machines.upstreams, false)
    closing.push(front.stop)
    return { url, front, machines, running, restart, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Whether requests of people come to it, and not only the proxy's own. */
export function isServing({ lines }: Running): boolean {
  return lines.some(line => line.includes('/chats/:uri/messages'))
}
