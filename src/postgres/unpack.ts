import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chown, mkdir, open } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import tar from 'tar-stream'
import type { Account } from './account.js'
import { counting } from './counting.js'
import { readManifest } from './manifest.js'

/** Files of the write-ahead log are in no manifest: they have checksums of their own, which the server looks at when it reads them. */
const LOG = /^pg_wal\/[0-9A-F]{24}$|^pg_wal\/[0-9A-F]{8}\.history$|^pg_wal\/archive_status\/[\w.]+$/

interface Entry extends Readable {
  header: tar.Headers
}

/**
 * Unpacks the archive into a new directory, and holds each file against the manifest. Only what the manifest names is written, and only inside of
 * the directory. `advance` is told how many bytes of the archive were read. Throws an Error with a sentence if anything is not as it should be.
 */
export async function unpack(
  archive: string,
  manifest: Buffer,
  {
    dir,
    account,
    signal,
    advance,
  }: { dir: string; account: Account; signal: AbortSignal; advance(bytes: number): void },
): Promise<void> {
  const missing = readManifest(manifest)
  await makeDirectory(dir, account)
  const entries = tar.extract()
  const read = pipeline(createReadStream(archive), counting(advance), createGunzip(), entries, { signal })
  // The loop below reports it: it ends the entries.
  read.catch(() => {})
  for await (const entry of entries as AsyncIterable<Entry>) {
    const { name, type } = entry.header
    const path = posix.normalize(name).replace(/\/$/, '')
    if (path.startsWith('/') || path.split('/').includes('..') || path.includes('\0')) {
      throw new Error(`It has a file outside of its folder: ${name}.`)
    }
    if (type === 'directory') {
      await makeDirectory(join(dir, path), account)
      entry.resume()
    } else if (type === 'file' && (missing.has(path) || LOG.test(path))) {
      const { size, sha256 } = await writeFile(entry, join(dir, path), account)
      const expected = missing.get(path)
      if (expected && (expected.size !== size || expected.sha256 !== sha256)) {
        throw new Error(`Its file ${path} is damaged.`)
      }
      missing.delete(path)
    } else {
      throw new Error(`It has a file that does not belong there: ${name}.`)
    }
  }
  await read
  if (missing.size > 0) {
    throw new Error(`It lacks the file ${[...missing.keys()][0]}.`)
  }
}

async function makeDirectory(path: string, { owner }: Account) {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (owner) await chown(path, owner.uid, owner.gid)
}

async function writeFile(entry: Entry, path: string, account: Account) {
  await makeDirectory(dirname(path), account)
  const file = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of entry) {
      hash.update(chunk)
      size += chunk.length
      await file.writeFile(chunk)
    }
    if (account.owner) await file.chown(account.owner.uid, account.owner.gid)
  } finally {
    await file.close()
  }
  return { size, sha256: hash.digest('hex') }
}
