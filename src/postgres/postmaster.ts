import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The main process of a running PostgreSQL. */
interface Postmaster {
  pid: number
  /** Empty until the server opens its socket. */
  socketDir: string
}

export function postmasterFile(dir: string): string {
  return join(dir, 'postmaster.pid')
}

/** The server that uses the files in `dir`. Undefined if there is none. */
export function findPostmaster(dir: string): Postmaster | undefined {
  const postmaster = readLockFile(postmasterFile(dir))
  return postmaster && isPostmaster(postmaster.pid, dir) ? postmaster : undefined
}

/** The contents of PostgreSQL's lock file: https://www.postgresql.org/docs/18/storage-file-layout.html */
export function readLockFile(file: string): Postmaster | undefined {
  const [pid = '', , , , socketDir = ''] = contentsOf(file).split('\n')
  // A single-user server writes its pid with a minus.
  return Number(pid) ? { pid: Math.abs(Number(pid)), socketDir } : undefined
}

/** Empty if there is no such file, which can vanish at any moment. */
function contentsOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/**
 * Removes a lock file that would keep PostgreSQL from starting for ever: one without a pid, left by a crash, or one whose pid another
 * program has now. A file with the pid of no process can stay: PostgreSQL itself looks then whether processes of the old server are left.
 * If this removed a file wrongly, PostgreSQL would still notice the other server, by its shared memory.
 */
export function removeStaleLock(file: string, dir: string): void {
  const held = readLockFile(file)
  if (held ? isAlive(held.pid) && !isPostmaster(held.pid, dir) : !isFresh(file)) rmSync(file, { force: true })
}

/** Whether the file may be just being written. */
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

/** Empty if there is no such process, or if it is dead but not yet reaped. */
function commandOf(pid: number): string {
  try {
    return existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return ''
  }
}
