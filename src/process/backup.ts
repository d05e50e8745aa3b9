import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { type Config, readConfig } from '../config.js'
import type { Address } from '../db/connection.js'
import { releaseOf } from '../db/release.js'
import { OperatorError } from '../operator-error.js'
import { HasTablespaces, takeBaseBackup } from '../postgres/base-backup.js'
import { counting } from '../postgres/counting.js'
import { flush } from '../postgres/initdb.js'
import {
  ABOUT,
  type About,
  ARCHIVE,
  backupFolder,
  backupsIn,
  draftEnding,
  FORMAT,
  MANIFEST,
  nameAt,
  removeOldDrafts,
} from './backup-folder.js'
import { withServer } from './database-server.js'
import { megabytes, progressBar } from './progress.js'
import { stopSignal } from './signals.js'

const USAGE = `npm run backup                        makes a backup in ./backups
npm run backup -- <folder>            makes it in that folder
npm run backup -- <folder> --keep 7   deletes all but the newest 7 there afterwards`

/**
 * Makes a backup while the program runs or not. It appears in its folder complete or not at all. Returns the text to print. Throws an OperatorError
 * where there is none. The caller must end the process afterwards.
 */
export async function backUp(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { folder, keep } = readArguments(args)
  const config = readConfig(env)
  const starting = { say: (sentence: string) => console.error(sentence), signal: stopSignal() }
  const target = join(folder, nameAt(new Date()))
  const draft = target + draftEnding()
  try {
    const begun = performance.now()
    const bytes = await withServer(config, starting, async address => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await removeOldDrafts(folder)
      await mkdir(draft, { mode: 0o700 })
      return write(draft, address, config, starting.signal)
    })
    await rename(draft, target)
    await flush(folder)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    const packed = (await stat(join(target, ARCHIVE))).size
    const old = (await backupsIn(folder)).slice(keep)
    for (const backup of old) {
      await rm(backup, { recursive: true })
    }
    const deleted = old.length > 0 ? ` ${old.length} older than the newest ${keep} deleted.` : ''
    return `Backup made: ${target}, ${megabytes(bytes)} in ${seconds} s, packed ${megabytes(packed)}.${deleted}`
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => {})
    if (starting.signal.aborted) {
      throw new OperatorError(`No backup was made: it was stopped by ${starting.signal.reason.message}.`)
    }
    throw error instanceof OperatorError ? error : new OperatorError(`No backup was made: ${reason(error, folder)}`)
  }
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { keep: { type: 'string', default: '7' } },
    })
    const keep = Number(values.keep)
    if (positionals.length <= 1 && /^[1-9]\d{0,4}$/.test(values.keep)) {
      return { folder: backupFolder(positionals[0]), keep }
    }
  } catch {
    // An option that there is not.
  }
  throw new OperatorError(USAGE)
}

/** Writes all files of a backup, and waits until they are on the disk. Returns how many bytes the server has sent. */
async function write(draft: string, address: Address, config: Config, signal: AbortSignal): Promise<number> {
  const about: About = { ...(await releaseOf(address)), ...ourselves(config) }
  const backup = await takeBaseBackup(address, signal)
  const bar = progressBar('Backing up')
  const count = counting(bytes => bar.advance(bytes, backup.total))
  const archive = createWriteStream(join(draft, ARCHIVE), { mode: 0o600, flush: true })
  // The write-ahead log is long and of zeros; the fastest level packs it as well.
  await pipeline(backup.files, count, createGzip({ level: 1 }), archive)
  const options = { mode: 0o600, flush: true }
  await writeFile(join(draft, MANIFEST), await backup.manifest, options)
  await writeFile(join(draft, ABOUT), `${JSON.stringify(about, null, 2)}\n`, options)
  await flush(draft)
  bar.end()
  return bar.done
}

function ourselves({ databaseUrl }: Config) {
  return {
    program: 'chatire' as const,
    format: FORMAT,
    made_at: new Date().toISOString(),
    platform: `${process.platform}-${process.arch}`,
    embedded: databaseUrl === undefined,
  }
}

function reason(error: unknown, folder: string): string {
  const { code, message } = error as { code?: string; message: string }
  if (error instanceof HasTablespaces) {
    return "the server keeps files in tablespaces. Use PostgreSQL's own pg_basebackup."
  }
  if (code === '42501' || code === '28000') {
    return `the role of DATABASE_URL may not replicate (${message}). Let a superuser run ALTER ROLE … REPLICATION, allow it the database "replication" in pg_hba.conf, and give the address of the server itself, not of a pooler.`
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return `the disk of ${folder} is full. Nothing was left there.`
  }
  return `${message}.`
}
