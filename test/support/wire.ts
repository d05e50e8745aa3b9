import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'
import type { Address } from '../../src/db/connection.js'
import type { StreamReader } from './readers.js'
import { temporaryFolder, until } from './server.js'

/** What every process asks the database about once a second. */
export const SWEEP = 'as known (id, version)'

type Place = Exclude<Address, { connectionString: string }>

/** The connections from one site to its database. A test can cut them, or block statements of one kind. */
interface Wire {
  address: Place
  /** Ends all connections, and accepts none until `mend`. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** From now on, connections that send a statement with this text become silent until `release`: that many at most. */
  hold(text: string, connections?: number): void
  /** How many are silent now. */
  readonly held: number
  release(): void
  close(): Promise<void>
}

export async function openWire(address: Place): Promise<Wire> {
  const folder = await temporaryFolder('chatire-wire-')
  const here = path.join(folder.path, '.s.PGSQL.5432')
  const there = path.join(address.host, '.s.PGSQL.5432')
  const ends = new Set<Socket>()
  const held = new Set<Socket>()
  /** Statements are sent once, and then used by their names. */
  const names = new Map<string, string>()
  let holds: string | undefined
  let left = 0

  const server = createServer(near => {
    const far = connect(there)
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        ends.delete(end)
        held.delete(end)
        other.destroy()
      })
    }
    near.on('data', chunk => {
      const sent = chunk.toString('latin1')
      for (const [, name = '', text = ''] of sent.matchAll(/(statement_\d+)\0([^\0]+)\0/g)) {
        names.set(name, text)
      }
      far.write(chunk)
      if (holds !== undefined && left > 0 && says(sent, holds)) {
        left--
        held.add(far)
        far.pause()
      }
    })
    far.on('data', chunk => near.write(chunk))
  })
  const listen = () => new Promise<void>(resolve => server.listen(here, resolve))
  const cut = async () => {
    const closed = new Promise(resolve => server.close(resolve))
    for (const end of ends) {
      end.destroy()
    }
    await closed
    await rm(here, { force: true })
  }
  await listen()

  return {
    address: { ...address, host: folder.path },
    cut,
    mend: listen,
    hold(text, connections = Number.POSITIVE_INFINITY) {
      holds = text
      left = connections
    },
    get held() {
      return held.size
    },
    release() {
      holds = undefined
      for (const end of held) {
        end.resume()
      }
      held.clear()
    },
    async close() {
      if (server.listening) {
        await cut()
      }
      await folder.remove()
    },
  }

  function says(sent: string, text: string): boolean {
    return (
      sent.includes(text) ||
      [...names].some(([name, statement]) => statement.includes(text) && sent.includes(`${name}\0`))
    )
  }
}

/**
 * Proves that the reader, whose process uses the wire, gets a post by the bus: no sweep is answered meanwhile. If the machine is so slow
 * that the stream ends, it tries again.
 */
export async function hearsByBus(wire: Wire, reader: StreamReader, post: () => Promise<{ version: number }>) {
  await until(async () => {
    wire.hold(SWEEP)
    await until(() => wire.held > 0)
    const ends = reader.farewells.length
    const { version } = await post()
    await until(() => reader.cursor >= version || reader.farewells.length > ends)
    const heard = reader.cursor >= version
    wire.release()
    await reader.reached(version)
    return heard
  })
}
