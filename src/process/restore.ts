import { appendFile, chown, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readConfig } from '../config.js'
import { type Audit, audit } from '../db/audit.js'
import { newestMigration } from '../db/migrate.js'
import { recovered } from '../db/recovery.js'
import { OperatorError } from '../operator-error.js'
import { type Account, chooseAccount } from '../postgres/account.js'
import { type Binaries, findBinaries } from '../postgres/binaries.js'
import { inDataDir, launch, majorIn, openDataDir } from '../postgres/cluster.js'
import { finishSwap, swap } from '../postgres/place.js'
import { findPostmaster } from '../postgres/postmaster.js'
import { unpack } from '../postgres/unpack.js'
import type { Starting } from '../waiting.js'
import { type About, ARCHIVE, draftEnding, FORMAT, MANIFEST, readAbout, removeOldDrafts } from './backup-folder.js'
import { progressBar } from './progress.js'
import { stopSignal } from './signals.js'

const USAGE = 'npm run restore -- <folder of a backup>    puts a backup in the place of the data in DATA_DIR'

/** The server's settings while it recovers: it ends at the end of the backup, on a new timeline, and lets nobody in before. */
const RECOVERY = "\nrestore_command = 'false'\nhot_standby = off\n"

/**
 * Puts a backup in the place of the data, which is kept beside it. Until then nothing of the data is touched. Returns the text to print. Throws
 * an OperatorError where it cannot. The caller must end the process afterwards.
 */
export async function restore(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const [folder, ...rest] = args
  if (!folder || folder.startsWith('-') || rest.length > 0) {
    throw new OperatorError(USAGE)
  }
  const config = readConfig(env)
  if (config.databaseUrl) {
    throw refused('it belongs to the server that DATABASE_URL names, and docs/backup.md says how to put it there')
  }
  const starting = { say: (sentence: string) => console.error(sentence), signal: stopSignal() }
  const about = await requireFitting(folder)
  return inDataDir(config.dataDir, async () => {
    const home = await openDataDir(config.dataDir)
    await finishSwap(home)
    await removeOldDrafts(home)
    const major = await majorIn(home)
    if (major !== undefined && major !== about.postgres) {
      throw refused(`it is of PostgreSQL ${about.postgres}, and the data in ${home} is of PostgreSQL ${major}`)
    }
    const dir = join(home, `postgres-${about.postgres}`)
    requireStopped(dir)
    const binaries = await findBinaries(home, about.postgres)
    const account = await chooseAccount(home, dir, binaries.postgres)
    const draft = dir + draftEnding()
    try {
      await unpackInto(draft, folder, account, starting.signal)
      const found = await recover(draft, binaries, account, starting)
      if (found.wrong_clocks > 0) {
        throw new Error(`The versions of ${found.wrong_clocks} chats are not those of their events.`)
      }
      starting.signal.throwIfAborted()
      requireStopped(dir)
      return told(folder, found, await swap(draft, dir))
    } catch (error) {
      if (starting.signal.aborted) {
        throw refused(`it was stopped by ${starting.signal.reason.message}`)
      }
      throw error instanceof OperatorError ? error : refused(reason(error, home))
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  })
}

function refused(why: string): OperatorError {
  return new OperatorError(`The backup was not restored, and nothing was touched: ${why.replace(/\.$/, '')}.`)
}

async function requireFitting(folder: string): Promise<About> {
  const about = await readAbout(folder)
  const here = `${process.platform}-${process.arch}`
  const newest = await newestMigration()
  if (!about) {
    throw refused(`${resolve(folder)} is no backup of Chatire`)
  }
  if (about.format > FORMAT || (about.migration !== null && about.migration > newest)) {
    throw refused(`it was made by a newer Chatire (${about.migration}): restore it with that one`)
  }
  if (!about.embedded) {
    throw refused('it is of a PostgreSQL server that is not Chatire’s own, and docs/backup.md says how to put it there')
  }
  if (about.platform !== here) {
    throw refused(`it is of ${about.platform}, and this is ${here}. docs/backup.md says how to move between machines`)
  }
  return about
}

function requireStopped(dir: string) {
  const running = findPostmaster(dir)
  if (running) {
    throw refused(`a Chatire runs on ${dir} (its PostgreSQL is process ${running.pid}). Stop it first`)
  }
}

async function unpackInto(draft: string, folder: string, account: Account, signal: AbortSignal) {
  const archive = join(folder, ARCHIVE)
  const { size } = await stat(archive)
  const bar = progressBar('Restoring')
  const advance = (bytes: number) => bar.advance(bytes, size)
  await unpack(archive, await readFile(join(folder, MANIFEST)), { dir: draft, account, signal, advance })
  bar.end()
}

/** Starts a server on the files until it has read the log of the time of the backup, and looks at what is there. */
async function recover(draft: string, binaries: Binaries, account: Account, starting: Starting): Promise<Audit> {
  const settings = join(draft, 'postgresql.auto.conf')
  const before = await readFile(settings)
  const signal = join(draft, 'recovery.signal')
  await writeFile(signal, '')
  if (account.owner) await chown(signal, account.owner.uid, account.owner.gid)
  await appendFile(settings, RECOVERY)
  const cluster = await launch(draft, binaries, account, starting)
  if (!cluster) {
    throw new Error('PostgreSQL did not start on it.')
  }
  try {
    await recovered(cluster.connection)
    return await audit(cluster.connection)
  } finally {
    await cluster.stop()
    await writeFile(settings, before)
  }
}

function told(folder: string, { users, chats, events, holes }: Audit, kept: string | undefined): string {
  return [
    `Restored ${resolve(folder)}: ${users} users, ${chats} chats, ${events} events.`,
    ...(holes > 0 ? [`In ${holes} places events had been deleted before the backup was made.`] : []),
    ...(kept ? [`What was there before is kept in ${kept}: delete it once all is well.`] : []),
    'The next start begins a new epoch: readers who saw what the backup lacks are told to read again.',
  ].join('\n')
}

function reason(error: unknown, home: string): string {
  const { code, message } = error as { code?: string; message: string }
  return code === 'ENOSPC' || code === 'EDQUOT' ? `the disk of ${home} is full` : message
}
