import { createHash } from 'node:crypto'
import { z } from 'zod'

/** https://www.postgresql.org/docs/18/backup-manifest-format.html: what of it is looked at. */
const schema = z.object({
  Files: z.array(
    z.object({
      Path: z.string(),
      Size: z.number().int().nonnegative(),
      Checksum: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  'Manifest-Checksum': z.string(),
})

interface ManifestFile {
  size: number
  sha256: string
}

/** The files of a backup by their paths in the data directory. Throws an Error with a sentence for a manifest that is damaged. */
export function readManifest(raw: Buffer): Map<string, ManifestFile> {
  const parsed = schema.safeParse(json(raw))
  const end = raw.lastIndexOf('"Manifest-Checksum"')
  const sum = createHash('sha256').update(raw.subarray(0, end)).digest('hex')
  if (!parsed.success || sum !== parsed.data['Manifest-Checksum']) {
    throw new Error('Its manifest is damaged.')
  }
  return new Map(parsed.data.Files.map(({ Path, Size, Checksum }) => [Path, { size: Size, sha256: Checksum }]))
}

function json(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString())
  } catch {
    return undefined
  }
}
