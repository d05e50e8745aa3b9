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

/** Who runs PostgreSQL, which refuses to be root. */
export interface Account {
  /** What its command lines start with. */
  prefix: string[]
  /** What to spawn as, and to whom its files belong; undefined: as this program itself. */
  owner: Owner | undefined
}

/**
 * An ordinary user runs PostgreSQL under its own name. Root runs it as the owner of the files `dir`, before they exist
 * of the data directory `home`, or of the directory above that if it was made for us. If that owner is root: in a user
 * namespace, where root's files belong to `nobody`, or else as `postgres` or `nobody`, who then get `home`.
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

/** What to spawn to run `program` as this account. */
export function commandAs({ prefix }: Account, program: string, args: string[]): [string, string[]] {
  const [command = program, ...rest] = [...prefix, program, ...args]
  return [command, rest]
}

/**
 * Makes PostgreSQL stop by itself when this program is killed, where util-linux is there; elsewhere the next start stops
 * it. Must come first on the command line: a change of account clears it. The kernel ties it to the thread that spawns,
 * so a cluster started from a worker thread ends with that.
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

/** Whether the program can be run as this account and then ends well. */
export async function succeeds(account: Account, program: string, ...args: string[]): Promise<boolean> {
  const [command, rest] = commandAs(account, program, args)
  return promisify(execFile)(command, rest, { ...account.owner, cwd: '/' }).then(
    () => true,
    () => false,
  )
}
