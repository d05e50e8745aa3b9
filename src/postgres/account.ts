import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, readdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { OperatorError } from '../operator-error.js'

interface Owner {
  uid: number
  gid: number
}

/** The account that runs PostgreSQL, which refuses to run as root. */
export interface Account {
  /** The beginning of all command lines. */
  prefix: string[]
  /** Whose processes and files these are; undefined: this program's own account. */
  owner: Owner | undefined
}

/**
 * An ordinary user runs PostgreSQL as itself. Root runs it as the owner of the files in `dir`; before these exist, as the owner of the data
 * directory `home`, or, if that was made for us, of the directory above it. If that owner is root, it runs in a user namespace, where the
 * files of root belong to `nobody`; or else as `postgres` or `nobody`, who then get `home`.
 */
export async function chooseAccount(home: string, dir: string, postgres: string): Promise<Account> {
  const prefix = await tie()
  if (process.getuid?.() !== 0) return { prefix, owner: undefined }
  const isNew = !existsSync(dir) && (await stat(home)).uid === 0 && (await readdir(home)).every(isOurs)
  const place = existsSync(dir) ? dir : isNew ? dirname(home) : home
  const { uid, gid } = await stat(place)
  const namespace = [...prefix, 'unshare', '--user', '--map-user=65534', '--map-group=65534']
  const others = (await unprivileged()).map(owner => ({ prefix, owner }))
  const candidates =
    uid === 0 ? [{ prefix: namespace, owner: undefined }, ...others] : [{ prefix, owner: { uid, gid } }]
  for (const account of candidates) {
    if (!(await succeeds(account, 'test', '-x', postgres, '-a', '-x', place))) continue
    if (isNew && account.owner) await chown(home, account.owner.uid, account.owner.gid)
    return account
  }
  throw new OperatorError(
    `PostgreSQL refuses to run as root, and no other account can reach both ${postgres} and ${home}. ` +
      'Start Chatire as an ordinary user, give the data to one (chown -R), or set DATABASE_URL to a PostgreSQL server.',
  )
}

/** The command and the arguments that run `program` as this account. */
export function commandAs({ prefix }: Account, program: string, args: string[]): [string, string[]] {
  const [command = program, ...rest] = [...prefix, program, ...args]
  return [command, rest]
}

/**
 * Makes PostgreSQL stop by itself when this program is killed, if util-linux is installed; otherwise the next start stops it. It must come
 * first on the command line, as a change of account clears it. The kernel ties the process to the thread that spawns it, so a cluster that
 * a worker thread started ends with the thread.
 */
async function tie(): Promise<string[]> {
  const prefix = ['setpriv', '--pdeathsig', 'INT']
  return (await succeeds({ prefix, owner: undefined }, 'true')) ? prefix : []
}

async function unprivileged(): Promise<Owner[]> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  return ['postgres', 'nobody']
    .map(wanted => accounts.find(([name]) => name === wanted))
    .filter(account => account !== undefined)
    .map(([, , uid, gid]) => ({ uid: Number(uid), gid: Number(gid) }))
}

/** What a start leaves in the data directory before there is a database. */
function isOurs(name: string): boolean {
  return /^postgres-(libraries|\d+\.init-)/.test(name)
}

/** Whether the program can be run as this account, and exits with 0. */
export async function succeeds(account: Account, program: string, ...args: string[]): Promise<boolean> {
  const [command, rest] = commandAs(account, program, args)
  return promisify(execFile)(command, rest, { ...account.owner, cwd: '/' }).then(
    () => true,
    () => false,
  )
}
