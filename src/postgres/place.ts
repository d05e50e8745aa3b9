import { existsSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { flush } from './initdb.js'

const RESTORED = '.restored'

/**
 * Puts restored files in the place of those of before, if there are any, which are kept under the name that is returned. If the program ends in the
 * middle, either those of before are in their place, or the next start goes on with it.
 */
export async function swap(draft: string, dir: string): Promise<string | undefined> {
  const ready = dir + RESTORED
  await rm(ready, { recursive: true, force: true })
  await rename(draft, ready)
  await flush(dirname(dir))
  const kept = existsSync(dir) ? `${dir}.before-${new Date().toISOString().replaceAll(/[:.]/g, '-')}` : undefined
  if (kept) await rename(dir, kept)
  await rename(ready, dir)
  await flush(dirname(dir))
  return kept
}

/** Goes on with a swap that was cut off after the files of before had been put aside. */
export async function finishSwap(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const dir = join(home, name.slice(0, -RESTORED.length))
    if (name.endsWith(RESTORED) && !existsSync(dir)) {
      await rename(join(home, name), dir)
      await flush(home)
    }
  }
}
