import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ip = (...words: string[]) => run('ip', words)

/** A machine's place in a network. */
export interface Host {
  address: string
  /** The beginning of the command line of what runs there. */
  prefix: readonly string[]
  /** Cuts it off. Nobody is told: what is sent to it, and what it sends, is gone. */
  unplug(): Promise<void>
  plug(): Promise<void>
}

/** Hosts with addresses of their own, and this process, which reaches them all. They share the files of this machine. */
export interface Network {
  hosts: readonly Host[]
  close(): Promise<void>
}

/** A network of namespaces and a bridge. Undefined where this is not Linux, not root, or not allowed. */
export async function openNetwork(count: number): Promise<Network | undefined> {
  // Names of devices have 15 characters at most. The addresses are those for tests of networks (RFC 2544), which nobody else has.
  const name = `chat${process.pid}`
  const prefix = `198.18.${process.pid % 256}`
  const spaces = Array.from({ length: count }, (_, n) => `${name}-${n}`)
  const close = async () => {
    for (const space of spaces) {
      await ip('netns', 'delete', space).catch(() => {})
    }
    await ip('link', 'delete', name).catch(() => {})
  }
  try {
    await ip('link', 'add', name, 'type', 'bridge')
    await ip('address', 'add', `${prefix}.1/24`, 'dev', name)
    await ip('link', 'set', name, 'up')
    const hosts = spaces.map(async (space, n) => {
      const [cable, address] = [`${name}-${n}`, `${prefix}.${n + 2}`]
      await ip('netns', 'add', space)
      await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
      await ip('link', 'set', cable, 'master', name, 'up')
      await ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await ip('-n', space, 'link', 'set', 'eth0', 'up')
      await ip('-n', space, 'link', 'set', 'lo', 'up')
      return {
        address,
        prefix: ['ip', 'netns', 'exec', space],
        unplug: async () => void (await ip('link', 'set', cable, 'down')),
        plug: async () => void (await ip('link', 'set', cable, 'up')),
      }
    })
    return { hosts: await Promise.all(hosts), close }
  } catch {
    await close()
    return undefined
  }
}
