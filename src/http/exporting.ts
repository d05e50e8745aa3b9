import { type Event, isAboutAnother } from '../db/events.js'
import { NotAMember, type Piece, readPiece, versionNow } from '../db/exports.js'
import type { Db } from '../db/schema.js'
import { inSlice } from '../slices.js'
import { type Ended, type Exported, FORMATS, type FormatName } from './export-formats.js'

/** How many events are read and written at once: each may have the greatest length. */
const AT_ONCE = 200

/** Stops an export before its next piece, for a reason that its reader is told. */
export class Gone extends Error {
  readonly reason: string

  constructor(reason: string) {
    super('The reader may not read on')
    this.reason = reason
  }
}

interface Work {
  chat_id: number
  /** Null for an operator. */
  user_id: number | null
  format: FormatName
  exported: Exported
  /** Reads once it is this export's turn. */
  turn?: <T>(read: () => Promise<T>) => Promise<T>
  /** Awaited before each piece is read. Throws Gone where its reader may not have it. */
  before?: () => Promise<void>
  /** Told the version up to which everything was written. */
  reached?: (version: number) => void
}

/**
 * A chat in that format, piece by piece. The next piece is read once the last one was taken, so that an export takes the same memory however long
 * the chat is, and however slow its reader; between two pieces it holds nothing of the database. Each event is as it is when its piece
 * is read. What was changed or deleted meanwhile is said at the end, where the format can: some of that may have been read after its change.
 */
export async function* exportChat(db: Db, work: Work): AsyncGenerator<string> {
  const { chat_id, exported, format, reached = () => {} } = work
  const writer = FORMATS[format].writer(exported)
  const counts = { events: 0, changed: 0 }
  let ended: Ended = counts
  yield writer.opening()
  try {
    for await (const events of pieces(db, work, exported.after, exported.until)) {
      yield await written(events, writer.event)
      counts.events += events.length
      reached(events.at(-1)?.version ?? exported.until)
    }
    if (writer.changed) {
      for await (const events of pieces(db, work, exported.until, await versionNow(db, chat_id))) {
        const changes = events.filter(event => isAboutAnother(event) && event.id <= exported.until)
        yield await written(changes, writer.changed)
        counts.changed += changes.length
      }
    }
    reached(exported.until)
  } catch (error) {
    if (!(error instanceof Gone || error instanceof NotAMember)) {
      throw error
    }
    ended = { gone: error.reason }
  }
  yield writer.ending(ended)
}

async function* pieces(
  db: Db,
  { chat_id, user_id, before, turn = read => read() }: Work,
  after: number,
  until: number,
) {
  for (let cursor = after; cursor < until; ) {
    await before?.()
    const piece: Piece = { chat_id, user_id, after: cursor, until, limit: AT_ONCE }
    const events = await turn(() => readPiece(db, piece))
    cursor = events.length < AT_ONCE ? until : (events.at(-1)?.version ?? until)
    yield events
  }
}

async function written(events: readonly Event[], write: (event: Event) => string): Promise<string> {
  let text = ''
  for (const event of events) {
    await inSlice()
    text += write(event)
  }
  return text
}
