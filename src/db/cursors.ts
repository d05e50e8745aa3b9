/**
 * How far a user has read all of their chats: everything that the snapshot `after` sees. In the middle of a page also what `place.upto` sees,
 * up to the place. docs/decisions/019 says why a snapshot of the database can say that.
 */
export interface Cursor {
  /** Of the database, which begins another when it is restored. */
  epoch: number
  /** When the snapshot was taken, in days since 1970. */
  day: number
  /** A pg_snapshot, as PostgreSQL writes it. */
  after: string
  place?: { upto: string; chat_id: number; version: number }
}

/** Of a cursor, and of the header or the query that it comes in. */
const CURSOR_LENGTH = 2000

const SNAPSHOT = String.raw`(\d{1,15})-(\d{1,15})(?:-(\d{1,15}(?:_\d{1,15})*))?`
const CURSOR = new RegExp(String.raw`^(\d{1,9})\.(\d{1,6})\.${SNAPSHOT}(?:\.${SNAPSHOT}\.(\d{1,15})\.(\d{1,15}))?$`)

/** As text that a client keeps: `<epoch>.<day>.<snapshot>`, and in the middle of a page `.<next snapshot>.<chat>.<version>` behind it. */
export function cursorText({ epoch, day, after, place }: Cursor): string {
  const rest = place ? [shortened(place.upto), place.chat_id, place.version] : []
  return [epoch, day, shortened(after), ...rest].join('.')
}

/** Undefined where the text is no cursor. */
export function readCursor(text: string): Cursor | undefined {
  const [, epoch, day, ...rest] = text.length <= CURSOR_LENGTH ? (CURSOR.exec(text) ?? []) : []
  const after = snapshot(rest.slice(0, 3))
  if (after === undefined) {
    return undefined
  }
  const cursor = { epoch: Number(epoch), day: Number(day), after }
  if (rest[3] === undefined) {
    return cursor
  }
  const upto = snapshot(rest.slice(3, 6))
  return upto === undefined
    ? undefined
    : { ...cursor, place: { upto, chat_id: Number(rest[6]), version: Number(rest[7]) } }
}

/**
 * Numbers of transactions are long and close together, so all but the first are written by how far they are from it. All characters are such
 * as stand in a URL as they are.
 */
function shortened(snapshot: string): string {
  const [xmin = '', xmax = '', running = ''] = snapshot.split(':')
  const distance = (xid: string) => Number(xid) - Number(xmin)
  const others = running === '' ? '' : `-${running.split(',').map(distance).join('_')}`
  return `${xmin}-${distance(xmax)}${others}`
}

/** Undefined for what PostgreSQL would not take as a snapshot. */
function snapshot([first = '', last = '', running = '']: readonly (string | undefined)[]): string | undefined {
  const xmin = Number(first)
  const others = running === '' ? [] : running.split('_').map(Number)
  const inOrder = others.every(
    (distance, n) => distance < Number(last) && distance >= (n === 0 ? 0 : (others[n - 1] ?? 0) + 1),
  )
  return xmin > 0 && inOrder
    ? `${xmin}:${xmin + Number(last)}:${others.map(distance => xmin + distance).join(',')}`
    : undefined
}
