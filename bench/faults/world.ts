import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { databaseUrl } from '../../test/support/databases.js'
import { freePort } from '../../test/support/programs.js'
import { checkOut, hasCommit } from '../earlier.js'
import { openTrial, type Trial } from '../judge/trial.js'
import { type KeptDatabase, keepDatabase } from './kept-database.js'
import { type KeptProgram, keepProgram, type Programme } from './kept-program.js'
import { openRelay, type Relay } from './relay.js'

/** Everything that faults are done to. */
export interface World {
  folder: string
  /** Where the database's files are; whether that is a small disk of their own, which can be filled. */
  disk: { path: string; isSmall: boolean }
  database: KeptDatabase
  /** How the program that serves was started, and the program. A rolling restart puts another in its place. */
  programme: Programme
  program: KeptProgram
  /** Whether that is still the program of an earlier commit. */
  isEarlier: boolean
  /** Between senders and readers and the program. */
  toProgram: Relay
  /** Between the program and its database. */
  toDatabase: Relay
  trial: Trial
  /** How many streams a herd has, and other numbers that grow with the time that there is: 1 for 30 minutes. */
  scale: number
  close(): Promise<void>
}

const run = promisify(execFile)

/** The folder of the program of today. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** For a million messages and the log of the database. */
const DISK = '4g'

/** How many processes serve. */
const WORKERS = 2

export interface WorldOptions {
  scale: number
  senders: number
  chats: number
  /** The commit whose program serves at first and makes the tables; today's, where it is missing or not in the history. */
  earlier?: string | undefined
}

export async function openWorld({ scale, senders, chats, earlier }: WorldOptions): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatire-faults-'))
  const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const end of closing.splice(0).reverse()) {
      await end()
    }
  }
  try {
    const disk = path.join(folder, 'disk')
    await mkdir(disk)
    const isSmall = await mountSmall(disk)
    if (isSmall) {
      closing.push(() => run('umount', [disk]))
    }
    const database = await keepDatabase(path.join(disk, 'data'))
    closing.push(() => database.stop())
    const sockets = path.join(folder, 'sockets')
    await mkdir(sockets)
    const wire = path.join(sockets, '.s.PGSQL.5432')
    const toDatabase = await openRelay({ path: wire }, { path: path.join(database.connection.host, '.s.PGSQL.5432') })
    closing.push(() => toDatabase.close())
    const isEarlier = earlier !== undefined && (await hasCommit(earlier))
    const programme = {
      root: isEarlier ? await buildEarlier(earlier, path.join(folder, earlier)) : ROOT,
      port: await freePort(),
      database: databaseUrl({ ...database.connection, host: sockets }),
      log: path.join(folder, 'program.log'),
      workers: WORKERS,
    }
    const program = keepProgram(programme)
    let serving: { program: KeptProgram } = { program }
    closing.push(() => serving.program.stop())
    const port = await freePort()
    const toProgram = await openRelay({ port, host: '127.0.0.1' }, { port: program.port, host: '127.0.0.1' })
    closing.push(() => toProgram.close())
    await program.ready()
    const url = `http://127.0.0.1:${port}`
    const counts = { chats, senders, wanderers: chats / 4 }
    const trial = await openTrial({ url, address: database.connection, isEarlier, ...counts })
    closing.push(() => trial.close())
    const world: World = {
      folder,
      disk: { path: disk, isSmall },
      database,
      programme,
      program,
      isEarlier,
      toProgram,
      toDatabase,
      trial,
      scale,
      close,
    }
    serving = world
    return world
  } catch (error) {
    await close()
    throw error
  }
}

/** Resolves with the folder. */
async function buildEarlier(commit: string, folder: string): Promise<string> {
  await checkOut(commit, folder)
  await run(process.execPath, ['bin/build.js', 'program'], { cwd: folder })
  return folder
}

/** Only root may. */
async function mountSmall(folder: string): Promise<boolean> {
  return run('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder]).then(
    () => true,
    () => false,
  )
}
