import type { ZodType } from 'zod'
import type { Code } from '../codes.js'
import type { Scope } from '../db/schema.js'

/** What the document of the API says of a request, beside what its other marks say. */
export interface Operation {
  /** Its name, for those who make a client of the document. */
  id: string
  does: string
  /** Who may send it. Members and owners are those of the path's chat. */
  who: 'anybody' | 'user' | 'account' | 'member' | 'owner'
  /** What a token needs for it: one of its scopes, or just to be a token. */
  scope: Scope | 'any'
  /** Headers of its own. */
  takes?: readonly ('Idempotency-Key' | 'If-None-Match' | 'Last-Event-ID')[]
  /** By status; null where there is no body. */
  answers: Readonly<Record<number, ZodType | null>>
  /** The media types of its answer 200, where that is not JSON. */
  types?: readonly string[]
  /** It takes a file of these media types as its body. */
  files?: readonly string[]
  /** The codes of problems that do not follow from its marks. */
  problems?: readonly Code[]
  /** Fields of its body, or of its query where it has no body. */
  example?: Readonly<Record<string, unknown>>
}
