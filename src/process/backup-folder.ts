import { readdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'

/** The files of a backup. The first two are PostgreSQL's: its own tools can read them. */
export const ARCHIVE = 'base.tar.gz'
export const MANIFEST = 'backup_manifest'
export const ABOUT = 'about.json'

const schema = z.object({
  program: z.literal('chatire'),
  format: z.number(),
  made_at: z.string(),
  /** The operating system and the processor, as Node names them. */
  platform: z.string(),
  /** The major version. */
  postgres: z.number(),
  /** Whether it is of the private PostgreSQL of a Chatire. */
  embedded: z.boolean(),
  /** The newest migration; null for a database that was never used. */
  migration: z.string().nullable(),
})

export type About = z.output<typeof schema>

export const FORMAT = 1

/** Where backups are, unless a command is given another folder. */
export function backupFolder(given = 'backups'): string {
  return resolve(given)
}

/** What a backup says of itself. Undefined for a folder that is none. */
export async function readAbout(folder: string): Promise<About | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(join(folder, ABOUT), 'utf8')))
  } catch {
    return undefined
  }
}

/** Names that can be sorted by time. */
export function nameAt(time: Date): string {
  return `chatire-${time.toISOString().replaceAll(/[:.]/g, '-')}`
}

const NAME = /^chatire-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/

/** The folders of the backups in a folder, the newest first. */
export async function backupsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(name => NAME.test(name)).sort()
  return names.reverse().map(name => join(folder, name))
}

/** The end of the name of something that is not complete yet. */
export const draftEnding = () => `.draft-${process.pid}`

/** Removes the drafts in a folder whose programs were killed. */
export async function removeOldDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid] = /\.draft-(\d+)$/.exec(name) ?? []
    if (pid && !isAlive(Number(pid))) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
