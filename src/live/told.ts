import { type Cursor, cursorText } from '../db/cursors.js'

/** Something that happened in one of the reader's chats, as it is written. */
export interface Told {
  /** Of a reader who has everything up to it. */
  cursor: string
  kind: string
  json: string
}

/** How far a stream of all chats has come, for its heartbeats. */
export interface Position {
  cursor: Cursor
}

/** The first event of a stream of all chats: a stream that is cut before the next one goes on from that cursor. */
export function allReady(cursor: Cursor): string {
  return JSON.stringify({ event: 'ready', cursor: cursorText(cursor) })
}
