import { createHash } from 'node:crypto'
import { lstat, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { OperatorError } from '../operator-error.js'
import { type Account, succeeds } from './account.js'

/** For pg. It is complete, so that PGPORT and PGSSLMODE in the environment change nothing. `host` is the socket's directory. */
export interface Connection {
  host: string
  port: number
  user: string
  database: string
  ssl: false
}

/** The directories of one server. */
export interface Place {
  /** Its files. */
  dir: string
  /** The directory of its socket. */
  socketDir: string
}

/** Nothing listens on this port; the socket is named after it. */
export const PORT = 5432

export function connectionTo(socketDir: string, database: string): Connection {
  return { host: socketDir, port: PORT, user: 'chatire', database, ssl: false }
}

export function socketLockFile(socketDir: string): string {
  return join(socketDir, `.s.PGSQL.${PORT}.lock`)
}

/**
 * Makes the directory of the socket, and returns it. Every user who can enter it has access to the whole database, so it must be a real
 * directory of this owner with mode 0700. It is not in the data directory, as the path of a socket has 107 bytes at most (103 on macOS).
 */
export async function makeSocketDir(dir: string, account: Account): Promise<string> {
  const uid = account.owner?.uid ?? process.getuid?.()
  const name = createHash('sha256').update(`${uid} ${dir}`).digest('hex').slice(0, 16)
  const parent = Buffer.byteLength(tmpdir()) > 60 ? '/tmp' : resolve(tmpdir())
  const socketDir = join(parent, `chatire-${name}`)
  for (let attempt = 1; ; attempt++) {
    // The account itself makes it. Another start could find it before it was given to the account.
    await succeeds(account, 'mkdir', '-m', '700', socketDir)
    const found = await lstat(socketDir).catch(() => undefined)
    if (found?.isDirectory() && found.uid === uid && (found.mode & 0o777) === 0o700) return socketDir
    // If mkdir found one, the program that used it may have removed it meanwhile.
    if (found || attempt === 3)
      throw new OperatorError(
        `${socketDir} is not a private directory of this account. Remove it, or set TMPDIR to a directory nobody else writes to.`,
      )
  }
}

/** Leaves it if another program has its socket there now. */
export async function removeSocketDir(socketDir: string): Promise<void> {
  await rmdir(socketDir).catch(() => undefined)
}
