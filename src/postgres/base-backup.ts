import { Readable } from 'node:stream'
import pg from 'pg'

/** What a server sends for `BASE_BACKUP`: https://www.postgresql.org/docs/18/protocol-replication.html */
interface BaseBackup {
  /** About how many bytes the files have; 0 until the server has said it. */
  readonly total: number
  /** The server's files as a tar archive, with the write-ahead log that they need. */
  readonly files: Readable
  /** The list of the files with their checksums, once all files have been read. Rejects with the server's error. */
  readonly manifest: Promise<Buffer>
}

/** Thrown for a server whose files are in several places. */
export class HasTablespaces extends Error {}

/**
 * Takes a backup of the whole server, while it goes on. The server chooses the files, checks their pages, and waits where `files` is read
 * slowly. The connection ends with the backup, or at the signal.
 */
export async function takeBaseBackup(address: pg.ClientConfig, signal: AbortSignal): Promise<BaseBackup> {
  // Not one of the types' fields: https://www.postgresql.org/docs/18/protocol-replication.html
  const client = new pg.Client({ ...address, replication: 'true' } as pg.ClientConfig)
  client.on('error', () => {})
  await client.connect()
  const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream & { destroy(): void } } })
    .connection
  let total = 0
  const files = new Readable({
    read: () => void stream.resume(),
    destroy(error, done) {
      stream.destroy()
      done(error)
    },
  })
  const manifest = new Promise<Buffer>((resolve, reject) => {
    const list: Buffer[] = []
    const failed = (error: Error) => {
      files.destroy(error)
      reject(error)
    }
    signal.addEventListener('abort', () => failed(signal.reason))
    client.once('end', () => failed(new Error('The server has ended the connection')))
    client.query(
      baseBackup({
        failed,
        measured: bytes => {
          total = bytes
        },
        brought: (part, data) => {
          if (part === 'manifest') {
            list.push(data)
          } else if (!files.push(data)) {
            stream.pause()
          }
        },
        ended() {
          client.removeAllListeners('end')
          files.push(null)
          resolve(Buffer.concat(list))
          client.end().catch(() => {})
        },
      }),
    )
  })
  // It is awaited after the files.
  manifest.catch(() => {})
  return {
    files,
    manifest,
    get total() {
      return total
    },
  }
}

interface Hearer {
  /** About how many bytes the files have. */
  measured(bytes: number): void
  brought(part: 'files' | 'manifest', data: Buffer): void
  failed(error: Error): void
  ended(): void
}

/** The command, as the driver sends it and hears its answers. */
function baseBackup({ measured, brought, failed, ended }: Hearer): pg.Submittable {
  let archives = 0
  let rows = 0
  let part: 'files' | 'manifest' = 'files'
  const submittable = {
    submit(connection: { query(text: string): void }) {
      connection.query(
        "BASE_BACKUP (LABEL 'chatire', PROGRESS true, CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')",
      )
    },
    // The second row is that of the data directory: its size in kilobytes.
    handleDataRow({ fields }: { fields: (Buffer | string | null)[] }) {
      rows++
      if (rows === 2) {
        measured(Number(fields[2]) * 1024)
      }
    },
    handleCopyData({ chunk }: { chunk: Buffer }) {
      const kind = String.fromCharCode(chunk[0] ?? 0)
      if (kind === 'd') {
        // A copy: the driver uses its buffer again.
        brought(part, Buffer.from(chunk.subarray(1)))
      } else if (kind === 'm') {
        part = 'manifest'
      } else if (kind === 'n') {
        archives++
        if (archives > 1) {
          failed(new HasTablespaces('The server has tablespaces'))
        }
      }
    },
    handleError: failed,
    handleReadyForQuery: ended,
    handleRowDescription() {},
    handleCommandComplete() {},
    handlePortalSuspended() {},
    handleEmptyQuery() {},
  }
  return submittable as unknown as pg.Submittable
}
