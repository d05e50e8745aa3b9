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
  // Names of devices have 15 characters at most. The addresses are those for tests of networks (RFC 2544), which nobody else has: eight for each
  // process, with room for six hosts.
  const name = `chat${process.pid}`
  const first = (process.pid % 16_384) * 8
  const addressOf = (n: number) => `198.${18 + (first >> 16)}.${(first >> 8) & 255}.${(first & 255) + n}`
  // Each is the name of a namespace, and of the cable that leads there.
  const spaces = Array.from({ length: count }, (_, n) => `${name}-${n}`)
  const close = async () => {
    for (const space of spaces) {
      await ip('netns', 'delete', space).catch(() => {})
    }
    await ip('link', 'delete', name).catch(() => {})
  }
  try {
    await ip('link', 'add', name, 'type', 'bridge')
    await ip('address', 'add', `${addressOf(1)}/29`, 'dev', name)
    await ip('link', 'set', name, 'up')
    const hosts: Host[] = []
    for (const [n, space] of spaces.entries()) {
      const address = addressOf(n + 2)
      await ip('netns', 'add', space)
      await ip('link', 'add', space, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
      await ip('link', 'set', space, 'master', name, 'up')
      await ip('-n', space, 'address', 'add', `${address}/29`, 'dev', 'eth0')
      await ip('-n', space, 'link', 'set', 'eth0', 'up')
      await ip('-n', space, 'link', 'set', 'lo', 'up')
      hosts.push({
        address,
        prefix: ['ip', 'netns', 'exec', space],
        unplug: async () => void (await ip('link', 'set', space, 'down')),
        plug: async () => void (await ip('link', 'set', space, 'up')),
      })
    }
    return { hosts, close }
  } catch {
    await close()
    return undefined
  }
}
