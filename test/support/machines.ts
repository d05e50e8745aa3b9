import { appendFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { chooseAccount, commandAs } from '../../src/postgres/account.js'
import { findBinaries } from '../../src/postgres/binaries.js'
import { majorIn, openDataDir, startCluster } from '../../src/postgres/cluster.js'
import { connectionTo, makeSocketDir, PORT, removeSocketDir } from '../../src/postgres/socket.js'
import { createDatabase, databaseUrl, dropDatabase } from './databases.js'
import { type Host, openNetwork } from './network.js'
import { freePort } from './programs.js'
import { type Running, runProgram, startServer, until } from './server.js'

/** The port of the program on a machine with an address of its own. */
const SERVED = 8000

/** Two machines that share a database. */
export interface Machines {
  /** The database, for the test itself. */
  address: Awaited<ReturnType<typeof createDatabase>>
  /** Where a proxy finds each of them. */
  upstreams: readonly string[]
  /** Their places in a network. Undefined where there is none: they are processes on this machine then. */
  hosts: readonly Host[] | undefined
  start(place: number, env: Record<string, string>): Promise<Running>
  close(): Promise<void>
}

export async function openMachines(folder: string): Promise<Machines> {
  const network = await openNetwork(3)
  if (!network) {
    return openProcesses()
  }
  const [first, ...hosts] = network.hosts as [Host, ...Host[]]
  const database = await startDatabase(first, folder).catch(async error => {
    await network.close()
    throw error
  })
  return {
    address: database.connection,
    upstreams: hosts.map(({ address }) => `${address}:${SERVED}`),
    hosts,
    start: (place, env) =>
      startServer({ ...env, DATABASE_URL: database.url, HOST: '0.0.0.0', PORT: String(SERVED) }, hosts[place]?.prefix),
    async close() {
      await database.stop()
      await network.close()
    },
  }
}

async function openProcesses(): Promise<Machines> {
  const address = await createDatabase()
  const ports = [await freePort(), await freePort()]
  return {
    address,
    upstreams: ports.map(port => `127.0.0.1:${port}`),
    hosts: undefined,
    start: (place, env) => startServer({ ...env, DATABASE_URL: databaseUrl(address), PORT: String(ports[place]) }),
    close: () => dropDatabase(address.database),
  }
}

/** A PostgreSQL that the other hosts reach by TCP, and this process by its socket. */
async function startDatabase(host: Host, folder: string) {
  const home = await openDataDir(path.join(folder, 'data'))
  const { stop } = await startCluster(home, () => {})
  await stop()
  const binaries = await findBinaries(home, await majorIn(home))
  const dir = path.join(home, `postgres-${binaries.major}`)
  const account = await chooseAccount(home, dir, binaries.postgres)
  const socketDir = await makeSocketDir(dir, account)
  await appendFile(path.join(dir, 'pg_hba.conf'), 'host all all samenet trust\n')
  const { uid, gid } = await stat(dir)
  // The account is changed behind `ip`, which needs root.
  const change = account.owner ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : []
  const options = ['-D', dir, '-k', socketDir, '-p', String(PORT), '-h', '*', '-F']
  const [program, args] = commandAs(account, binaries.postgres, options)
  const [ip = '', ...rest] = [...host.prefix, ...change, program, ...args]
  const { child, ended, lines } = runProgram(ip, rest, binaries.env, '/')
  await until(() => lines.some(line => line.includes('ready to accept connections')))
  const connection = connectionTo(socketDir, 'chatire')
  return {
    connection,
    url: `postgres://${connection.user}@${host.address}:${PORT}/${connection.database}`,
    async stop() {
      child.kill('SIGINT')
      await ended
      await removeSocketDir(socketDir)
    },
  }
}
