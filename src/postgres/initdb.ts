import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OperatorError } from '../operator-error.js'
import { type Account, commandAs } from './account.js'
import type { Binaries } from './binaries.js'

/** How long initdb may go on after the program was told to stop, in milliseconds. */
const PATIENCE = 20_000

/**
 * Creates an empty cluster in `dir`. It appears there complete or not at all. If two programs do this at once, one of their drafts is
 * renamed and the other is deleted. A signal does not cut it off.
 */
export async function createFiles(
  dir: string,
  binaries: Binaries,
  account: Account,
  signal: AbortSignal,
): Promise<void> {
  const draft = await mkdtemp(draftOf(dir))
  try {
    if (account.owner) await chown(draft, account.owner.uid, account.owner.gid)
    // The same order of text on every system, and no locale that may be missing.
    const locale =
      binaries.major >= 17
        ? ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
        : ['--locale=C.UTF-8']
    // Only the directory of the socket decides who can connect.
    const options = ['--username=chatire', '--auth=trust', '--encoding=UTF8', '--data-checksums', ...locale]
    const [command, args] = commandAs(account, binaries.initdb, ['-D', draft, ...options])
    await finish(command, args, { ...account.owner, env: binaries.env }, signal)
    await rename(draft, dir)
    await flush(dirname(dir))
  } catch (error) {
    if (existsSync(join(dir, 'PG_VERSION'))) return
    throw new OperatorError(
      `PostgreSQL could not create its files in ${dir}. Mend what it names, or set DATABASE_URL to another server. ${(error as Error).message}`,
    )
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Runs a command to its end. Throws what it wrote to its standard error if it fails. */
async function finish(command: string, args: string[], as: object, signal: AbortSignal): Promise<void> {
  // A process group of its own, which Ctrl-C in the terminal does not reach.
  const child = spawn(command, args, { ...as, cwd: '/', detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    words += text
  })
  let deadline: NodeJS.Timeout | undefined
  const limit = () => {
    deadline = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), PATIENCE)
  }
  signal.addEventListener('abort', limit)
  try {
    const [code, killed] = await once(child, 'close')
    if (code !== 0) throw new Error(words.trim() || `It ended with ${killed ?? code}.`)
  } finally {
    signal.removeEventListener('abort', limit)
    clearTimeout(deadline)
  }
}

/** Removes the drafts of programs that were killed while they created `dir`. Some files may stay if an initdb has not ended yet. */
export async function removeDrafts(dir: string): Promise<void> {
  const draft = basename(draftOf(dir))
  const names = (await readdir(dirname(dir))).filter(name => name.startsWith(draft))
  await Promise.allSettled(names.map(name => rm(join(dirname(dir), name), { recursive: true, force: true })))
}

function draftOf(dir: string): string {
  return `${dir}.init-`
}

/** Without this a power cut could undo the rename, although later files in the directory are on disk. */
export async function flush(directory: string): Promise<void> {
  const handle = await open(directory)
  await handle.sync()
  await handle.close()
}
