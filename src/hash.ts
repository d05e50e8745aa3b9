import { createHash } from 'node:crypto'

/** The SHA-256 of a content, in base64url: it names the content, and keeps nothing secret. */
export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url')
}
