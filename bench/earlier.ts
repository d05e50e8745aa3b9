import { execFile } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Whether this checkout's history has the commit: a shallow one has not. */
export function hasCommit(commit: string): Promise<boolean> {
  return run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT }).then(
    () => true,
    () => false,
  )
}

/** Writes the sources of an earlier commit into a new folder, with today's packages. They are not compiled yet. */
export async function checkOut(commit: string, folder: string) {
  await mkdir(folder)
  await run('sh', ['-c', `git archive ${commit} | tar x -C '${folder}'`], { cwd: ROOT })
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'))
}
