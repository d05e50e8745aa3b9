import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The process at the head of a running PostgreSQL. */
interface Postmaster {
  pid: number
  /** Empty while the server has not got as far as opening its socket. */
  socketDir: string
}

export function postmasterFile(dir: string): string {
  return join(dir, 'postmaster.pid')
}

/** The server that runs on the files in `dir`, if one does. */
export function findPostmaster(dir: string): Postmaster | undefined {
  const postmaster = readLockFile(postmasterFile(dir))
  return postmaster && isPostmaster(postmaster.pid, dir) ? postmaster : undefined
}

/** What PostgreSQL's lock file says: https://www.postgresql.org/docs/18/storage-file-layout.html */
export function readLockFile(file: string): Postmaster | undefined {
  const [pid = '', , , , socketDir = ''] = contentsOf(file).split('\n')
  // A single-user server writes its number with a minus.
  return Number(pid) ? { pid: Math.abs(Number(pid)), socketDir } : undefined
}

/** Empty also when there is no such file: it can vanish between any two looks. */
function contentsOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/**
 * Removes a lock file that would keep PostgreSQL from starting for ever: one without a number, left by a crash, or one
 * whose number another program has now. A dead number is no obstacle, and PostgreSQL itself then looks whether
 * processes of the old server survive. It also would, by its shared memory, if we were wrong here.
 */
export function removeStaleLock(file: string, dir: string): void {
  const held = readLockFile(file)
  if (held ? isAlive(held.pid) && !isPostmaster(held.pid, dir) : !isFresh(file)) rmSync(file, { force: true })
}

/** Whether it may be in the course of being written. */
function isFresh(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs < 1000
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function isPostmaster(pid: number, dir: string): boolean {
  const command = ` ${commandOf(pid)} `
  return /[ /](postgres|postmaster) /.test(command) && command.includes(` ${dir} `)
}

/** Empty when there is no such process, and for one that is dead but not yet reaped. */
function commandOf(pid: number): string {
  try {
    return existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return ''
  }
}
