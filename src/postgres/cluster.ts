import { existsSync } from 'node:fs'
import { access, constants, mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Client, DatabaseError } from 'pg'
import { OperatorError } from '../operator-error.js'
import { pause, type Starting, waiting } from '../waiting.js'
import { type Account, chooseAccount } from './account.js'
import { type Binaries, findBinaries } from './binaries.js'
import { createFiles, removeDrafts } from './initdb.js'
import { holdLock, lockIsFree, takeLock } from './lock.js'
import { finishSwap } from './place.js'
import { findPostmaster, postmasterFile, removeStaleLock } from './postmaster.js'
import { spawnServer, stopOrphan } from './server.js'
import { type Connection, connectionTo, makeSocketDir, removeSocketDir, socketLockFile } from './socket.js'

export interface Cluster {
  /** How to reach it with pg. */
  readonly connection: Connection
  /** Resolves (never rejects) with a sentence when the server ends although it was not told to. */
  readonly died: Promise<string>
  /** Shuts down fast and cleanly; resolves once the process is gone. Can be called twice, and after the server died. */
  stop(): Promise<void>
}

export interface ClusterOptions {
  /** How long to wait, in seconds, for an earlier program that still holds the directory; 15 unless given. */
  waitSeconds?: number
  /** Ignores the PostgreSQL from npm. */
  binaries?: 'system'
  /** Ends the start, which leaves nothing behind. */
  signal?: AbortSignal
}

/** After so many looks in a row, 250 ms apart, at which no program held its lock, a server counts as left behind. */
const FREE_LOOKS = 4

/** PostgreSQL's last log lines if another server has its files or its socket, or if another program has stopped it. */
const IN_USE = /already exists|(still|already) in use|is empty|could not create lock file|database system is shut down$/

/**
 * Starts the PostgreSQL whose files are in `<dataDir>/postgres-<major>`, and creates them the first time. `say` receives sentences for the
 * person at the terminal. Throws an OperatorError, also if another program uses the directory, which is never disturbed.
 */
export async function startCluster(
  dataDir: string,
  say: (sentence: string) => void,
  { waitSeconds = 15, binaries: source, signal = new AbortController().signal }: ClusterOptions = {},
): Promise<Cluster> {
  if (process.platform === 'win32')
    throw new OperatorError(
      'On Windows, start Chatire inside WSL, or set DATABASE_URL to a PostgreSQL server: it cannot run its own there.',
    )
  const starting = { say, signal }
  return inDataDir(dataDir, async () => {
    const slow = () =>
      `Still looking at ${resolve(dataDir)} and for PostgreSQL's programs. If this goes on, see whether the disks that they are on can be reached.`
    const { dir, binaries, account } = await waiting(findPlace(dataDir, source), slow, starting)
    if (!existsSync(join(dir, 'PG_VERSION'))) {
      say(`Creating a database in ${dir}`)
      await createFiles(dir, binaries, account, signal)
      signal.throwIfAborted()
    }

    const deadline = Date.now() + waitSeconds * 1000
    for (let seen = 0, freeLooks = 0, answers = true; ; ) {
      const other = findPostmaster(dir)
      if (other) {
        if (seen === 0) say(`Waiting for the program that uses ${dir} to end`)
        if (seen !== other.pid) freeLooks = 0
        seen = other.pid
        const free = await waiting(lockIsFree(other.socketDir), () => inUse(dir, other.pid, false), starting)
        answers = free !== undefined
        freeLooks = free ? freeLooks + 1 : 0
        // The lock is taken first, so that no program can claim a server that is about to stop.
        if (freeLooks >= FREE_LOOKS && (await takeLock(other.socketDir)))
          await waiting(stopOrphan(dir, other.pid), () => inUse(dir, other.pid, false), starting)
      } else {
        const cluster = await launch(dir, binaries, account, starting)
        if (cluster) return cluster
      }
      if (Date.now() > deadline) throw new OperatorError(inUse(dir, other?.pid, answers))
      await pause(250, signal)
    }
  })
}

/** How to reach the server of the program that uses the directory at this moment. Undefined if there is none. */
export async function findCluster(dataDir: string): Promise<Connection | undefined> {
  return inDataDir(dataDir, async () => {
    const home = await realpath(resolve(dataDir)).catch(() => undefined)
    const major = home && (await majorIn(home))
    const running = major ? findPostmaster(join(home, `postgres-${major}`)) : undefined
    return running?.socketDir ? connectionTo(running.socketDir, 'chatire') : undefined
  })
}

/** Turns what the system and PostgreSQL refuse in the directory into an OperatorError, as only the operator can mend it. */
export async function inDataDir<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DatabaseError)
      throw new OperatorError(
        `PostgreSQL cannot work with its files in ${resolve(dataDir)}. Mend what it names, restore a backup, or set DATABASE_URL to another server. ${error.message}`,
      )
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new OperatorError(
      `Chatire cannot keep its data in ${resolve(dataDir)}. Set DATA_DIR to a directory it may write to. ${error.message}`,
    )
  }
}

/** Where the files are or will be, the PostgreSQL that they need, and the account that runs it. */
async function findPlace(dataDir: string, source: 'system' | undefined) {
  const home = await openDataDir(dataDir)
  await finishSwap(home)
  const binaries = await findBinaries(home, await majorIn(home), source)
  const dir = join(home, `postgres-${binaries.major}`)
  return { dir, binaries, account: await chooseAccount(home, dir, binaries.postgres) }
}

/** The real path of the data directory, as programs that spell it differently must find each other. A new one is made private. */
export async function openDataDir(dataDir: string): Promise<string> {
  const path = resolve(dataDir)
  await mkdir(dirname(path), { recursive: true })
  await mkdir(path, { recursive: true, mode: 0o700 })
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  return await realpath(path)
}

/** The major version that wrote the data. No other can open it. */
export async function majorIn(home: string): Promise<number | undefined> {
  const majors = (await readdir(home))
    .map(name => Number(/^postgres-(\d+)$/.exec(name)?.[1]))
    .filter(major => existsSync(join(home, `postgres-${major}`, 'PG_VERSION')))
  return majors.length > 0 ? Math.max(...majors) : undefined
}

/** Undefined if it must be tried again: another program was quicker, or an old server has not ended yet. */
export async function launch(
  dir: string,
  binaries: Binaries,
  account: Account,
  starting: Starting,
): Promise<Cluster | undefined> {
  const socketDir = await makeSocketDir(dir, account)
  const place = { dir, socketDir }
  removeStaleLock(postmasterFile(dir), dir)
  removeStaleLock(socketLockFile(socketDir), dir)
  const server = spawnServer(place, binaries, account)
  const stop = () => server.stop().then(() => removeSocketDir(socketDir))
  try {
    const owner = await holdLock(place, server, starting)
    if (owner) {
      const slow = () => `PostgreSQL still creates the database chatire. Its log ends: ${server.lastLine()}`
      await waiting(createDatabase(owner), slow, starting)
      await removeDrafts(dir)
      return { connection: connectionTo(socketDir, 'chatire'), died: server.died, stop }
    }
    const slow = () => `PostgreSQL has ended, and its last processes still have to. Its log ends: ${server.lastLine()}`
    const lastWords = await waiting(server.lastWords, slow, starting)
    if (IN_USE.test(lastWords)) return undefined
    throw new OperatorError(
      `PostgreSQL did not start in ${dir}. Mend what it names, or set DATABASE_URL to another server. ${lastWords}`,
    )
  } catch (error) {
    await stop()
    throw error
  }
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query("select from pg_database where datname = 'chatire'")
  if (rowCount === 0) await client.query('create database chatire')
}

function inUse(dir: string, pid: number | undefined, answers: boolean): string {
  const process = pid ? ` (its PostgreSQL is process ${pid})` : ''
  const silent = answers
    ? ''
    : ` It does not answer: if somebody stopped it, kill -CONT ${pid} wakes it; kill -INT ${pid} ends it.`
  return `Another Chatire is already running on ${dir}${process}. Stop that one first, or set DATA_DIR to another directory.${silent}`
}
